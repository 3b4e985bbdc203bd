/* MAX_POOL_2D, int8: arm_max_pool_s8. */
#ifndef TINYML_CMSIS_MAX_POOL_S8_H
#define TINYML_CMSIS_MAX_POOL_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_pool_params window;
    cmsis_nn_dims input, filter, output;
} tinyml_cmsis_max_pool_s8_params;

/* input, output: int8 as the sizes say, apart. */
void tinyml_cmsis_max_pool_s8(const tinyml_cmsis_max_pool_s8_params *params, const int8_t *input,
                              int8_t *output);

#endif
