/* The window of a pool over one or more images; it covers fewer than 2^15 elements. */
#ifndef TINYML_POOL_H
#define TINYML_POOL_H

#include "tinyml_math.h"

typedef struct {
    int32_t batches; /* images, one after the other; at least 1 */
    int32_t input_height, input_width, channels;
    int32_t output_height, output_width;
    int32_t window_height, window_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t activation_min, activation_max; /* min <= max, both of the output's type */
} tinyml_pool;

/* From one image to the next, in elements. */
static inline int32_t tinyml_pool_input_image(const tinyml_pool *p)
{
    return p->input_height * p->input_width * p->channels;
}

static inline int32_t tinyml_pool_output_image(const tinyml_pool *p)
{
    return p->output_height * p->output_width * p->channels;
}

/* The part of a window that lies inside the image: [first_row, end_row) x [first_column, end_column). */
typedef struct {
    int32_t first_row, end_row, first_column, end_column;
} tinyml_pool_area;

static inline tinyml_pool_area tinyml_pool_inside(const tinyml_pool *p, int32_t y, int32_t x)
{
    const int32_t top = y * p->stride_height - p->pad_top;
    const int32_t left = x * p->stride_width - p->pad_left;
    tinyml_pool_area area;
    area.first_row = tinyml_max(top, 0);
    area.end_row = tinyml_min(top + p->window_height, p->input_height);
    area.first_column = tinyml_max(left, 0);
    area.end_column = tinyml_min(left + p->window_width, p->input_width);
    return area;
}

#endif
