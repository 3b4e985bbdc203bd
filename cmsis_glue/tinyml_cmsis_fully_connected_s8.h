/* FULLY_CONNECTED, int8, per tensor or per channel: arm_fully_connected_wrapper_s8. */
#ifndef TINYML_CMSIS_FULLY_CONNECTED_S8_H
#define TINYML_CMSIS_FULLY_CONNECTED_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_fc_params layer; /* offsets: minus the input's zero point, 0, plus the output's */
    cmsis_nn_dims input, filter, bias_size, output;
    const int8_t *weights; /* [output][input] */
    const int32_t *bias;   /* [output] */
    const int32_t
        *sums; /* [output]: bias + input offset * sum of the weights, of use to Helium only, else NULL */
    tinyml_cmsis_channels to; /* of one output, or of each */
    int32_t per_channel;
} tinyml_cmsis_fully_connected_s8_params;

/* input: int8 rows of inputs; output: int8 rows of outputs, apart from the input. */
void tinyml_cmsis_fully_connected_s8(const tinyml_cmsis_fully_connected_s8_params *params, const int8_t *input,
                                     int8_t *output);

#endif
