#include "tinyml_leaky_relu_s16.h"

void tinyml_leaky_relu_s16(const tinyml_leaky_relu_s16_params *params, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        const int32_t x = input[i];
        const int32_t scaled =
            x >= 0 ? tinyml_requantize(x, params->multiplier, params->shift)
                   : params->negative_sign *
                         tinyml_requantize(x, params->negative_multiplier, params->negative_shift);
        output[i] = (int16_t)tinyml_clamp(scaled, INT16_MIN, INT16_MAX);
    }
}
