#include "tinyml_grouped_conv_s8.h"

static int32_t products(const tinyml_window *w, const int8_t *input, const int8_t *weights, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; ++k) {
        sum += (input[k] - w->input_zero_point) * weights[k];
    }
    return sum;
}

/* One sum: `input` starts at the first channel of the group, which has `depth` channels. */
static int32_t weigh(const tinyml_window *w, const tinyml_seen *seen, const int8_t *input, const int8_t *weights,
                     int32_t depth)
{
    int32_t sum = 0;
    for (int32_t row = seen->first_row; row < seen->end_row; ++row) {
        for (int32_t column = seen->first_column; column < seen->end_column; ++column) {
            sum += products(w, input + tinyml_pixel(w, seen, row, column) * w->input_channels,
                            weights + (row * w->window_width + column) * depth, depth);
        }
    }
    return sum;
}

/* One image. */
static void convolve(const tinyml_grouped_conv_s8_params *params, const int8_t *input, int8_t *output)
{
    const tinyml_window *w = &params->window;
    const int32_t depth = w->input_channels / params->groups;
    const int32_t channels_of_group = w->output_channels / params->groups;
    const int32_t taps = w->window_height * w->window_width * depth;
    for (int32_t y = 0; y < w->output_height; ++y) {
        for (int32_t x = 0; x < w->output_width; ++x) {
            const tinyml_seen seen = tinyml_seen_at(w, y, x);
            for (int32_t channel = 0; channel < w->output_channels; ++channel) {
                const int8_t *group = input + channel / channels_of_group * depth;
                const int32_t sum = weigh(w, &seen, group, params->weights + channel * taps, depth);
                *output++ = tinyml_channel_output(&params->to, channel, params->to.bias[channel] + sum);
            }
        }
    }
}

void tinyml_grouped_conv_s8(const tinyml_grouped_conv_s8_params *params, const int8_t *input, int8_t *output)
{
    const tinyml_window *w = &params->window;
    for (int32_t image = 0; image < w->batches; ++image) {
        convolve(params, input + image * tinyml_input_image(w), output + image * tinyml_output_image(w));
    }
}
