/* DEPTHWISE_CONV_2D, int16, per channel: arm_depthwise_conv_wrapper_s16. */
#ifndef TINYML_CMSIS_DEPTHWISE_CONV_S16_H
#define TINYML_CMSIS_DEPTHWISE_CONV_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_dw_conv_params window; /* offsets: 0 */
    cmsis_nn_dims input, filter, bias_size, output;
    const int8_t *weights; /* [row][column][output channel] */
    const int64_t *bias;   /* [output channel], or NULL */
    tinyml_cmsis_channels to;
} tinyml_cmsis_depthwise_conv_s16_params;

/* input, output: int16 as the sizes say, apart; scratch: see tinyml_cmsis.h. */
void tinyml_cmsis_depthwise_conv_s16(const tinyml_cmsis_depthwise_conv_s16_params *params, const int16_t *input,
                                     int16_t *output, int8_t *scratch);
int32_t tinyml_cmsis_depthwise_conv_s16_scratch(const tinyml_cmsis_depthwise_conv_s16_params *params);

#endif
