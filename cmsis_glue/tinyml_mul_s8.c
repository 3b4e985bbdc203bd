#include "tinyml_mul_s8.h"

static int8_t product(const tinyml_mul_s8_params *p, int32_t a, int32_t b)
{
    const int32_t raw = (a - p->first_zero_point) * (b - p->second_zero_point);
    const int32_t scaled = tinyml_requantize(raw, p->multiplier, p->shift) + p->output_zero_point;
    return (int8_t)tinyml_clamp(scaled, p->activation_min, p->activation_max);
}

void tinyml_mul_s8(const tinyml_mul_s8_params *params, const int8_t *first, const int8_t *second,
                   int8_t *output)
{
    const tinyml_broadcast *at = &params->broadcast;
    for (int32_t run = 0; run < at->runs; ++run) {
        const int8_t *a = first + tinyml_broadcast_start(at, run, 0);
        const int8_t *b = second + tinyml_broadcast_start(at, run, 1);
        for (int32_t i = 0; i < at->length; ++i) {
            *output++ = product(params, *a, *b);
            a += at->first_step;
            b += at->second_step;
        }
    }
}
