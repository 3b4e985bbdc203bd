#include "tinyml_prelu_s16.h"

static int16_t rectified(const tinyml_prelu_s16_params *p, int32_t raw, int32_t raw_alpha)
{
    const int32_t x = raw - p->input_zero_point;
    const int32_t alpha = raw_alpha - p->alpha_zero_point;
    const int32_t scaled = x >= 0 ? tinyml_requantize(x, p->multiplier, p->shift)
                                  : tinyml_requantize(x * alpha, p->alpha_multiplier, p->alpha_shift);
    return (int16_t)tinyml_clamp(scaled + p->output_zero_point, INT16_MIN, INT16_MAX);
}

void tinyml_prelu_s16(const tinyml_prelu_s16_params *params, const int16_t *first, const int8_t *second,
                      int16_t *output)
{
    const tinyml_broadcast *at = &params->broadcast;
    for (int32_t run = 0; run < at->runs; ++run) {
        const int16_t *a = first + tinyml_broadcast_start(at, run, 0);
        const int8_t *b = second + tinyml_broadcast_start(at, run, 1);
        for (int32_t i = 0; i < at->length; ++i) {
            *output++ = rectified(params, *a, *b);
            a += at->first_step;
            b += at->second_step;
        }
    }
}
