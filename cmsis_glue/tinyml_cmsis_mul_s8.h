/* MUL, int8, of operands of one shape: arm_elementwise_mul_s8. */
#ifndef TINYML_CMSIS_MUL_S8_H
#define TINYML_CMSIS_MUL_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t elements;
    int32_t first_zero_point, second_zero_point, output_zero_point;
    int32_t multiplier, shift;
    int32_t activation_min, activation_max;
} tinyml_cmsis_mul_s8_params;

/* first, second, output: int8 [elements]; the output may be either input. */
void tinyml_cmsis_mul_s8(const tinyml_cmsis_mul_s8_params *params, const int8_t *first, const int8_t *second,
                         int8_t *output);

#endif
