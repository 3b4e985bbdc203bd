/* RESIZE_NEAREST_NEIGHBOR, elements of any type. */
#ifndef TINYML_RESIZE_NEAREST_H
#define TINYML_RESIZE_NEAREST_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t pixel_bytes;
    const int32_t *rows;    /* [output_height], the input row of each: 0 to input_height - 1 */
    const int32_t *columns; /* [output_width], the input column of each: 0 to input_width - 1 */
} tinyml_resize_nearest_params;

/* [batches][height][width] pixels each; the output lies apart from the input. */
void tinyml_resize_nearest(const tinyml_resize_nearest_params *params, const void *input, void *output);

#endif
