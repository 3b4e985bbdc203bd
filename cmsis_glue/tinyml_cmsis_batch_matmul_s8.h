/* BATCH_MATMUL, int8: arm_batch_matmul_s8, which wants the right side's columns as rows. */
#ifndef TINYML_CMSIS_BATCH_MATMUL_S8_H
#define TINYML_CMSIS_BATCH_MATMUL_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_bmm_params layer; /* offsets: minus the zero points of left and right, plus the output's */
    cmsis_nn_per_tensor_quant_params to;
    cmsis_nn_dims left, right, output; /* left: rows, depth; right: columns, depth; output: rows, columns */
    int32_t turn_left, turn_right;     /* 1 when the input has w and c the other way round */
} tinyml_cmsis_batch_matmul_s8_params;

/* left, right, output: int8 as the sizes say; the output is apart; scratch: see tinyml_cmsis.h. */
void tinyml_cmsis_batch_matmul_s8(const tinyml_cmsis_batch_matmul_s8_params *params, const int8_t *left,
                                  const int8_t *right, int8_t *output, int8_t *scratch);
int32_t tinyml_cmsis_batch_matmul_s8_scratch(const tinyml_cmsis_batch_matmul_s8_params *params);

#endif
