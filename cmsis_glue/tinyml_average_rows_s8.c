#include "tinyml_average_rows_s8.h"

void tinyml_average_rows_s8(const tinyml_average_rows_s8_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch)
{
    int32_t *const sums = (int32_t *)(void *)scratch;
    tinyml_add_rows(&params->rows, input, sums);
    if (!params->rows.ends) {
        return;
    }
    for (int32_t channel = 0; channel < params->rows.channels; ++channel) {
        const int32_t half = params->count / 2;
        /* To nearest, halves away from zero: C's division truncates towards zero. */
        const int32_t mean = (sums[channel] > 0 ? sums[channel] + half : sums[channel] - half) / params->count;
        output[channel] = (int8_t)tinyml_clamp(mean, params->activation_min, params->activation_max);
    }
}
