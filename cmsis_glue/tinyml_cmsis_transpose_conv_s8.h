/* TRANSPOSE_CONV, int8, per channel: arm_transpose_conv_wrapper_s8. */
#ifndef TINYML_CMSIS_TRANSPOSE_CONV_S8_H
#define TINYML_CMSIS_TRANSPOSE_CONV_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_transpose_conv_params window; /* offsets: minus the input's zero point, plus the output's */
    cmsis_nn_dims input, filter, bias_size, output;
    const int8_t *weights; /* [output channel][row][column][input channel] */
    const int32_t *bias;   /* [output channel], or NULL */
    tinyml_cmsis_channels to;
} tinyml_cmsis_transpose_conv_s8_params;

/* input, output: int8 as the sizes say, apart; scratch: see tinyml_cmsis.h. */
void tinyml_cmsis_transpose_conv_s8(const tinyml_cmsis_transpose_conv_s8_params *params, const int8_t *input,
                                    int8_t *output, int8_t *scratch);
int32_t tinyml_cmsis_transpose_conv_s8_scratch(const tinyml_cmsis_transpose_conv_s8_params *params);

#endif
