/* AVERAGE_POOL_2D, int8: arm_avgpool_s8. */
#ifndef TINYML_CMSIS_AVERAGE_POOL_S8_H
#define TINYML_CMSIS_AVERAGE_POOL_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_pool_params window;
    cmsis_nn_dims input, filter, output;
} tinyml_cmsis_average_pool_s8_params;

/* input, output: int8 as the sizes say, apart; scratch: see tinyml_cmsis.h. */
void tinyml_cmsis_average_pool_s8(const tinyml_cmsis_average_pool_s8_params *params, const int8_t *input,
                                  int8_t *output, int8_t *scratch);
int32_t tinyml_cmsis_average_pool_s8_scratch(const tinyml_cmsis_average_pool_s8_params *params);

#endif
