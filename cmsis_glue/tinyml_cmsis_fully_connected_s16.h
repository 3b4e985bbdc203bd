/* FULLY_CONNECTED, int16, per tensor: arm_fully_connected_s16. */
#ifndef TINYML_CMSIS_FULLY_CONNECTED_S16_H
#define TINYML_CMSIS_FULLY_CONNECTED_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_fc_params layer; /* offsets: 0 */
    cmsis_nn_dims input, filter, bias_size, output;
    const int8_t *weights; /* [output][input] */
    const int64_t *bias;   /* [output], or NULL */
    cmsis_nn_per_tensor_quant_params to;
} tinyml_cmsis_fully_connected_s16_params;

/* input: int16 rows of inputs; output: int16 rows of outputs, apart from the input. */
void tinyml_cmsis_fully_connected_s16(const tinyml_cmsis_fully_connected_s16_params *params,
                                      const int16_t *input, int16_t *output, int8_t *scratch);
int32_t tinyml_cmsis_fully_connected_s16_scratch(const tinyml_cmsis_fully_connected_s16_params *params);

#endif
