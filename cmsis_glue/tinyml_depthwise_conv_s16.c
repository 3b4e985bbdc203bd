#include "tinyml_depthwise_conv_s16.h"

/* One sum: `input` and `weights` start at the channel's own. */
static int64_t weigh(const tinyml_window *w, const tinyml_seen *seen, const int16_t *input, const int8_t *weights)
{
    int64_t sum = 0;
    for (int32_t row = seen->first_row; row < seen->end_row; ++row) {
        for (int32_t column = seen->first_column; column < seen->end_column; ++column) {
            const int32_t value = input[tinyml_pixel(w, seen, row, column) * w->input_channels];
            sum += value * weights[(row * w->window_width + column) * w->output_channels];
        }
    }
    return sum;
}

/* One image. */
static void convolve(const tinyml_depthwise_conv_s16_params *params, const int16_t *input, int16_t *output)
{
    const tinyml_window *w = &params->window;
    for (int32_t y = 0; y < w->output_height; ++y) {
        for (int32_t x = 0; x < w->output_width; ++x) {
            const tinyml_seen seen = tinyml_seen_at(w, y, x);
            for (int32_t channel = 0; channel < w->output_channels; ++channel) {
                const int16_t *plane = input + channel / params->channel_multiplier;
                const int64_t sum = weigh(w, &seen, plane, params->weights + channel);
                *output++ = tinyml_channel_output_s16(&params->to, channel, sum);
            }
        }
    }
}

void tinyml_depthwise_conv_s16(const tinyml_depthwise_conv_s16_params *params, const int16_t *input,
                               int16_t *output)
{
    const tinyml_window *w = &params->window;
    for (int32_t image = 0; image < w->batches; ++image) {
        convolve(params, input + image * tinyml_input_image(w), output + image * tinyml_output_image(w));
    }
}
