#include "tinyml_mean_fours_s8.h"

static inline int8_t mean(const tinyml_mean_fours_s8_params *p, int32_t sum)
{
    const int32_t scaled = tinyml_requantize(sum + p->offset, p->multiplier, p->shift) + p->output_zero_point;
    return (int8_t)tinyml_clamp(scaled, INT8_MIN, INT8_MAX);
}

void tinyml_mean_fours_s8(const tinyml_mean_fours_s8_params *params, const int8_t *input, int8_t *output)
{
    const tinyml_mean_fours_s8_params p = *params;
    for (int32_t outer = 0; outer < p.outer; ++outer) {
        for (int32_t channel = 0; channel < p.channels; channel += 4) {
            tinyml_fours sums = tinyml_fours_zero();
            tinyml_fours_add_pixels(&sums, input + channel, p.pixels, p.channels);
            output[0] = mean(&p, tinyml_fours_sum(&sums, 0));
            output[1] = mean(&p, tinyml_fours_sum(&sums, 1));
            output[2] = mean(&p, tinyml_fours_sum(&sums, 2));
            output[3] = mean(&p, tinyml_fours_sum(&sums, 3));
            output += 4;
        }
        input += p.pixels * p.channels;
    }
}
