#include "tinyml_mean_s8.h"

void tinyml_mean_s8(const tinyml_mean_s8_params *params, const int8_t *input, int8_t *output)
{
    for (int32_t channel = 0; channel < params->channels; ++channel) {
        int32_t sum = params->offset;
        for (int32_t pixel = 0; pixel < params->pixels; ++pixel) {
            sum += input[pixel * params->channels + channel];
        }
        const int32_t mean =
            tinyml_requantize(sum, params->multiplier, params->shift) + params->output_zero_point;
        output[channel] = (int8_t)tinyml_clamp(mean, INT8_MIN, INT8_MAX);
    }
}
