/* TRANSPOSE of int8, up to 4 dimensions: arm_transpose_s8. */
#ifndef TINYML_CMSIS_TRANSPOSE_S8_H
#define TINYML_CMSIS_TRANSPOSE_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_dims input, output; /* the first dimension is n, then h, w, c */
    int32_t dimensions;
    uint32_t order[4]; /* dimension i of the output is dimension order[i] of the input */
} tinyml_cmsis_transpose_s8_params;

/* input, output: int8 as the sizes say, apart. */
void tinyml_cmsis_transpose_s8(const tinyml_cmsis_transpose_s8_params *params, const int8_t *input,
                               int8_t *output);

#endif
