#include "tinyml_add_s8.h"

/* TFLite gives both operands this many bits of headroom before it scales them. */
#define LEFT_SHIFT 20

void tinyml_add_s8(const tinyml_add_s8_params *params, const int8_t *first, const int8_t *second,
                   int8_t *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        const int32_t a = (first[i] - params->first_zero_point) * (1 << LEFT_SHIFT);
        const int32_t b = (second[i] - params->second_zero_point) * (1 << LEFT_SHIFT);
        const int32_t sum = tinyml_requantize(a, params->first_multiplier, params->first_shift) +
                            tinyml_requantize(b, params->second_multiplier, params->second_shift);
        const int32_t scaled =
            tinyml_requantize(sum, params->output_multiplier, params->output_shift) + params->output_zero_point;
        output[i] = (int8_t)tinyml_clamp(scaled, params->activation_min, params->activation_max);
    }
}
