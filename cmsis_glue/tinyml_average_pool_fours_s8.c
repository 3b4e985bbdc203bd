#include "tinyml_average_pool_fours_s8.h"

static inline int8_t average(const tinyml_pool *p, int32_t sum, int32_t count)
{
    /* To nearest, halves away from zero: C's division truncates towards zero. */
    const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    return (int8_t)tinyml_clamp(mean, p->activation_min, p->activation_max);
}

/* One output pixel. */
static inline void pool_pixel(const tinyml_pool *p, const tinyml_runs *runs, const int8_t *input, int8_t *output)
{
    const int32_t count = runs->runs * runs->pixels;
    for (const int8_t *const end = output + p->channels; output != end; output += 4) {
        tinyml_fours sums = tinyml_fours_zero();
        const int8_t *from = input;
        for (int32_t run = runs->runs; run > 0; --run) {
            tinyml_fours_add_pixels(&sums, from, runs->pixels, p->channels);
            from += runs->next;
        }
        output[0] = average(p, tinyml_fours_sum(&sums, 0), count);
        output[1] = average(p, tinyml_fours_sum(&sums, 1), count);
        output[2] = average(p, tinyml_fours_sum(&sums, 2), count);
        output[3] = average(p, tinyml_fours_sum(&sums, 3), count);
        input += 4;
    }
}

void tinyml_average_pool_fours_s8(const tinyml_average_pool_fours_s8_params *params, const int8_t *input,
                                  int8_t *output)
{
    const tinyml_pool p = *params;
    for (int32_t image = 0; image < p.batches; ++image) {
        for (int32_t y = 0; y < p.output_height; ++y) {
            for (int32_t x = 0; x < p.output_width; ++x) {
                const tinyml_pool_area area = tinyml_pool_inside(&p, y, x);
                const tinyml_runs runs = tinyml_runs_of(&p, &area);
                pool_pixel(&p, &runs, input + runs.first, output);
                output += p.channels;
            }
        }
        input += tinyml_pool_input_image(&p);
    }
}
