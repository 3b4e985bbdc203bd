#include "tinyml_mean_rows_s8.h"

void tinyml_mean_rows_s8(const tinyml_mean_rows_s8_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch)
{
    int32_t *const sums = (int32_t *)(void *)scratch;
    tinyml_add_rows(&params->rows, input, sums);
    if (!params->rows.ends) {
        return;
    }
    for (int32_t channel = 0; channel < params->rows.channels; ++channel) {
        const int32_t sum = sums[channel] + params->offset;
        const int32_t mean = tinyml_requantize(sum, params->multiplier, params->shift);
        output[channel] = (int8_t)tinyml_clamp(mean + params->output_zero_point, INT8_MIN, INT8_MAX);
    }
}
