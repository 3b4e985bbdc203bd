/*
 * The window of a convolution over one or more images: sizes in elements, dilations and strides at least 1.
 */
#ifndef TINYML_WINDOW_H
#define TINYML_WINDOW_H

#include "tinyml_math.h"

typedef struct {
    int32_t batches; /* images, one after the other; at least 1 */
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t window_height, window_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t input_zero_point; /* -128 to 127 */
} tinyml_window;

/* From one image to the next, in elements. */
static inline int32_t tinyml_input_image(const tinyml_window *w)
{
    return w->input_height * w->input_width * w->input_channels;
}

static inline int32_t tinyml_output_image(const tinyml_window *w)
{
    return w->output_height * w->output_width * w->output_channels;
}

/* First window element that lies inside, for a window starting at `origin` (which may be negative). */
static inline int32_t tinyml_first_inside(int32_t origin, int32_t dilation)
{
    return origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
}

/* One past the last window element that lies inside. */
static inline int32_t tinyml_end_inside(int32_t origin, int32_t dilation, int32_t window, int32_t size)
{
    return tinyml_min(window, (size - origin + dilation - 1) / dilation);
}

/* Where a window starts, and which of its elements lie inside: [first_row, end_row) x [first_column, end_column). */
typedef struct {
    int32_t top, left, first_row, end_row, first_column, end_column;
} tinyml_seen;

static inline tinyml_seen tinyml_seen_at(const tinyml_window *w, int32_t y, int32_t x)
{
    tinyml_seen seen;
    seen.top = y * w->stride_height - w->pad_top;
    seen.left = x * w->stride_width - w->pad_left;
    seen.first_row = tinyml_first_inside(seen.top, w->dilation_height);
    seen.end_row = tinyml_end_inside(seen.top, w->dilation_height, w->window_height, w->input_height);
    seen.first_column = tinyml_first_inside(seen.left, w->dilation_width);
    seen.end_column = tinyml_end_inside(seen.left, w->dilation_width, w->window_width, w->input_width);
    return seen;
}

/* The pixel that a window element inside looks at. */
static inline int32_t tinyml_pixel(const tinyml_window *w, const tinyml_seen *seen, int32_t row, int32_t column)
{
    const int32_t y = seen->top + row * w->dilation_height;
    return y * w->input_width + seen->left + column * w->dilation_width;
}

#endif
