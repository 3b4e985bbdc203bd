#include "tinyml_mean_s16.h"

static int32_t sum_over(const tinyml_axes *axes, const int16_t *input)
{
    const tinyml_axis *inner = tinyml_innermost(axes);
    tinyml_walk walk = {0, 0, {0}};
    int32_t sum = 0;
    do {
        const int16_t *from = input + walk.first;
        for (int32_t i = 0; i < inner->size; ++i) {
            sum += from[i * inner->first];
        }
    } while (tinyml_step(axes, &walk));
    return sum;
}

static int16_t mean_of(const tinyml_mean_s16_params *params, const int16_t *input)
{
    const int32_t sum = sum_over(&params->reduced, input) + params->offset;
    const int32_t mean =
        tinyml_requantize(sum, params->multiplier, params->shift) + params->output_zero_point;
    return (int16_t)tinyml_clamp(mean, INT16_MIN, INT16_MAX);
}

void tinyml_mean_s16(const tinyml_mean_s16_params *params, const int16_t *input, int16_t *output)
{
    const tinyml_axis *inner = tinyml_innermost(&params->kept);
    tinyml_walk walk = {0, 0, {0}};
    do {
        for (int32_t i = 0; i < inner->size; ++i) {
            output[walk.second + i * inner->second] = mean_of(params, input + walk.first + i * inner->first);
        }
    } while (tinyml_step(&params->kept, &walk));
}
