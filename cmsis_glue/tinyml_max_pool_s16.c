#include "tinyml_max_pool_s16.h"

static int16_t maximum(const tinyml_pool *p, const int16_t *input, const tinyml_pool_area *area)
{
    int32_t largest = INT16_MIN;
    for (int32_t row = area->first_row; row < area->end_row; ++row) {
        const int16_t *pixel = input + (row * p->input_width + area->first_column) * p->channels;
        for (int32_t column = area->first_column; column < area->end_column; ++column) {
            largest = tinyml_max(largest, *pixel);
            pixel += p->channels;
        }
    }
    return (int16_t)tinyml_clamp(largest, p->activation_min, p->activation_max);
}

/* One image. */
static void pool(const tinyml_pool *p, const int16_t *input, int16_t *output)
{
    for (int32_t y = 0; y < p->output_height; ++y) {
        for (int32_t x = 0; x < p->output_width; ++x) {
            const tinyml_pool_area area = tinyml_pool_inside(p, y, x);
            for (int32_t channel = 0; channel < p->channels; ++channel) {
                *output++ = maximum(p, input + channel, &area);
            }
        }
    }
}

void tinyml_max_pool_s16(const tinyml_max_pool_s16_params *params, const int16_t *input, int16_t *output)
{
    for (int32_t image = 0; image < params->batches; ++image) {
        pool(params, input + image * tinyml_pool_input_image(params),
             output + image * tinyml_pool_output_image(params));
    }
}
