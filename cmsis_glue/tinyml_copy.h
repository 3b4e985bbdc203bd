/* Copies a strided part of one tensor into a strided part of another, elements of any type. */
#ifndef TINYML_COPY_H
#define TINYML_COPY_H

#include "tinyml_axes.h"

typedef struct {
    int32_t bytes;                     /* that lie together in both, at least 1 */
    int32_t input_start, output_start; /* offsets of the first, in bytes */
    tinyml_axes axes;                  /* first: strides in the input, second: in the output, in bytes */
} tinyml_copy_params;

/* The output lies apart from the input; what the axes do not reach of it is left alone. */
void tinyml_copy(const tinyml_copy_params *params, const void *input, void *output);

#endif
