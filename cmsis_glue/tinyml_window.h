/*
 * The window of a convolution: sizes in elements, dilations and strides at least 1.
 */
#ifndef TINYML_WINDOW_H
#define TINYML_WINDOW_H

#include <stdint.h>

typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t window_height, window_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t input_zero_point; /* -128 to 127 */
} tinyml_window;

#endif
