/* AVERAGE_POOL_2D, int16: arm_avgpool_s16. */
#ifndef TINYML_CMSIS_AVERAGE_POOL_S16_H
#define TINYML_CMSIS_AVERAGE_POOL_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_pool_params window;
    cmsis_nn_dims input, filter, output;
} tinyml_cmsis_average_pool_s16_params;

/* input, output: int16 as the sizes say, apart; scratch: see tinyml_cmsis.h. */
void tinyml_cmsis_average_pool_s16(const tinyml_cmsis_average_pool_s16_params *params, const int16_t *input,
                                   int16_t *output, int8_t *scratch);
int32_t tinyml_cmsis_average_pool_s16_scratch(const tinyml_cmsis_average_pool_s16_params *params);

#endif
