/* RESIZE_BILINEAR, int8. */
#ifndef TINYML_RESIZE_BILINEAR_S8_H
#define TINYML_RESIZE_BILINEAR_S8_H

#include "tinyml_math.h"

/* One direction; positions count 1/1024 of an input pixel. */
typedef struct {
    int32_t input, output; /* sizes in pixels */
    int32_t step;          /* from one output pixel to the next, 0 or more */
    int32_t start;         /* of output pixel 0, -512 or more */
} tinyml_resize_side;

typedef struct {
    int32_t batches, channels;
    tinyml_resize_side rows, columns; /* (start + (output - 1) * step) / 1024 < input */
} tinyml_resize_bilinear_s8_params;

/* int8 [batches][rows][columns][channels] each; the output lies apart from the input. */
void tinyml_resize_bilinear_s8(const tinyml_resize_bilinear_s8_params *params, const int8_t *input,
                               int8_t *output);

#endif
