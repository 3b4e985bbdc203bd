/* MAX_POOL_2D, int16: arm_max_pool_s16. */
#ifndef TINYML_CMSIS_MAX_POOL_S16_H
#define TINYML_CMSIS_MAX_POOL_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_pool_params window;
    cmsis_nn_dims input, filter, output;
} tinyml_cmsis_max_pool_s16_params;

/* input, output: int16 as the sizes say, apart. */
void tinyml_cmsis_max_pool_s16(const tinyml_cmsis_max_pool_s16_params *params, const int16_t *input,
                               int16_t *output);

#endif
