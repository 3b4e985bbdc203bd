/* MINIMUM of int8 operands that broadcast, up to 4 dimensions: arm_minimum_s8. */
#ifndef TINYML_CMSIS_MINIMUM_S8_H
#define TINYML_CMSIS_MINIMUM_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_dims first, second, output;
} tinyml_cmsis_minimum_s8_params;

/* first, second, output: int8 as the sizes say; the output is apart from both. */
void tinyml_cmsis_minimum_s8(const tinyml_cmsis_minimum_s8_params *params, const int8_t *first,
                             const int8_t *second, int8_t *output);

#endif
