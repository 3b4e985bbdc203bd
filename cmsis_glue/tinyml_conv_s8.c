#include "tinyml_conv_s8.h"

#include <string.h>

/* Copies what the window sees at (top, left) into `patch`; outside the image lies the zero point. */
static void gather(const tinyml_window *w, const int8_t *input, int32_t top, int32_t left, int8_t *patch)
{
    const size_t pixel = (size_t)w->input_channels;
    for (int32_t row = 0; row < w->window_height; ++row) {
        const int32_t y = top + row * w->dilation_height;
        for (int32_t column = 0; column < w->window_width; ++column) {
            const int32_t x = left + column * w->dilation_width;
            if (y < 0 || y >= w->input_height || x < 0 || x >= w->input_width) {
                memset(patch, w->input_zero_point, pixel);
            } else {
                memcpy(patch, input + (y * w->input_width + x) * w->input_channels, pixel);
            }
            patch += pixel;
        }
    }
}

/* One image. */
static void convolve(const tinyml_conv_s8_params *params, const int8_t *input, int8_t *output, int8_t *patch)
{
    const tinyml_window *w = &params->window;
    const int32_t taps = w->window_height * w->window_width * w->input_channels;
    for (int32_t y = 0; y < w->output_height; ++y) {
        for (int32_t x = 0; x < w->output_width; ++x) {
            gather(w, input, y * w->stride_height - w->pad_top, x * w->stride_width - w->pad_left, patch);
            tinyml_channels_of(&params->to, params->weights, patch, taps, w->output_channels, output);
            output += w->output_channels;
        }
    }
}

void tinyml_conv_s8(const tinyml_conv_s8_params *params, const int8_t *input, int8_t *output, int8_t *patch)
{
    const tinyml_window *w = &params->window;
    for (int32_t image = 0; image < w->batches; ++image) {
        convolve(params, input + image * tinyml_input_image(w), output + image * tinyml_output_image(w), patch);
    }
}
