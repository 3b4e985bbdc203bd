#include "tinyml_depthwise_conv_s8.h"

/* First window element that lies inside, for a window starting at `origin` (which may be negative). */
static int32_t first_inside(int32_t origin, int32_t dilation)
{
    return origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
}

/* One past the last window element that lies inside. */
static int32_t end_inside(int32_t origin, int32_t dilation, int32_t window, int32_t size)
{
    return tinyml_min(window, (size - origin + dilation - 1) / dilation);
}

void tinyml_depthwise_conv_s8(const tinyml_depthwise_conv_s8_params *params, const int8_t *input,
                              int8_t *output)
{
    const tinyml_window *w = &params->window;
    const int32_t channels = w->output_channels;
    const int32_t step = w->dilation_width * w->input_channels;
    for (int32_t y = 0; y < w->output_height; ++y) {
        const int32_t top = y * w->stride_height - w->pad_top;
        const int32_t first_row = first_inside(top, w->dilation_height);
        const int32_t end_row = end_inside(top, w->dilation_height, w->window_height, w->input_height);
        for (int32_t x = 0; x < w->output_width; ++x) {
            const int32_t left = x * w->stride_width - w->pad_left;
            const int32_t first_column = first_inside(left, w->dilation_width);
            const int32_t end_column =
                end_inside(left, w->dilation_width, w->window_width, w->input_width);
            for (int32_t channel = 0, source = 0, copy = 0; channel < channels; ++channel) {
                int32_t sum = params->to.bias[channel];
                for (int32_t row = first_row; row < end_row; ++row) {
                    const int32_t line = (top + row * w->dilation_height) * w->input_width + left;
                    const int8_t *value =
                        input + (line + first_column * w->dilation_width) * w->input_channels + source;
                    const int8_t *weight =
                        params->weights + (row * w->window_width + first_column) * channels + channel;
                    for (int32_t column = first_column; column < end_column; ++column) {
                        sum += (*value - w->input_zero_point) * *weight;
                        value += step;
                        weight += channels;
                    }
                }
                *output++ = tinyml_channel_output(&params->to, channel, sum);
                if (++copy == params->channel_multiplier) {
                    copy = 0;
                    ++source;
                }
            }
        }
    }
}
