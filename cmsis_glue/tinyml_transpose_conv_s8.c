#include "tinyml_transpose_conv_s8.h"

/*
 * Each output gathers what the inputs would scatter: input i reaches output i * stride - pad + k through
 * window element k, so that output o hears of every stride-th k.
 */
static int32_t products(const tinyml_window *w, const int8_t *input, const int8_t *weights)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < w->input_channels; ++k) {
        sum += (input[k] - w->input_zero_point) * weights[k];
    }
    return sum;
}

/* `top` and `left`: the output's place in the padded output. */
static int32_t weigh(const tinyml_window *w, const int8_t *input, const int8_t *weights, int32_t top,
                     int32_t left)
{
    int32_t sum = 0;
    for (int32_t row = top % w->stride_height; row < w->window_height && row <= top;
         row += w->stride_height) {
        const int32_t y = (top - row) / w->stride_height;
        if (y >= w->input_height) {
            continue;
        }
        for (int32_t column = left % w->stride_width; column < w->window_width && column <= left;
             column += w->stride_width) {
            const int32_t x = (left - column) / w->stride_width;
            if (x < w->input_width) {
                sum += products(w, input + (y * w->input_width + x) * w->input_channels,
                                weights + (row * w->window_width + column) * w->input_channels);
            }
        }
    }
    return sum;
}

/* One image. */
static void convolve(const tinyml_transpose_conv_s8_params *params, const int8_t *input, int8_t *output)
{
    const tinyml_window *w = &params->window;
    const int32_t taps = w->window_height * w->window_width * w->input_channels;
    for (int32_t y = 0; y < w->output_height; ++y) {
        for (int32_t x = 0; x < w->output_width; ++x) {
            for (int32_t channel = 0; channel < w->output_channels; ++channel) {
                const int8_t *weights = params->weights + channel * taps;
                const int32_t sum = weigh(w, input, weights, y + w->pad_top, x + w->pad_left);
                *output++ = tinyml_channel_output(&params->to, channel, params->to.bias[channel] + sum);
            }
        }
    }
}

void tinyml_transpose_conv_s8(const tinyml_transpose_conv_s8_params *params, const int8_t *input,
                              int8_t *output)
{
    const tinyml_window *w = &params->window;
    for (int32_t image = 0; image < w->batches; ++image) {
        convolve(params, input + image * tinyml_input_image(w), output + image * tinyml_output_image(w));
    }
}
