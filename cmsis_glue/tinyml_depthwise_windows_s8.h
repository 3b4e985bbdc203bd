/* DEPTHWISE_CONV_2D of int8, any window, stride and dilation; see tinyml_depthwise_planar.h. */
#ifndef TINYML_DEPTHWISE_WINDOWS_S8_H
#define TINYML_DEPTHWISE_WINDOWS_S8_H

#include "tinyml_depthwise_planar.h"

/*
 * Steps are in elements of the plane. The weights of a channel, window_lines * window_length along the lines,
 * are followed by their power of two.
 */
typedef struct {
    tinyml_depthwise_planar planar;
    int32_t window_lines, window_length;
    int32_t window_line_step, window_step; /* from line to line and from element to element of a window */
    int32_t line_stride, stride;           /* from output line to line, and from output to output */
    int32_t exact; /* 0: requantization is proven */
} tinyml_depthwise_windows_s8_params;

/*
 * input, output: int8; the output may be the input where both have the same size and channels.
 * scratch: aligned to words, 4 bytes for each of a window's elements, then the plane.
 */
void tinyml_depthwise_windows_s8(const tinyml_depthwise_windows_s8_params *params, const int8_t *input,
                                 int8_t *output, int8_t *scratch);

#endif
