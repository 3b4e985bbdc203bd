/* MUL, int16, of operands of one shape: arm_elementwise_mul_s16. */
#ifndef TINYML_CMSIS_MUL_S16_H
#define TINYML_CMSIS_MUL_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t elements;
    int32_t first_zero_point, second_zero_point, output_zero_point;
    int32_t multiplier, shift;
    int32_t activation_min, activation_max;
} tinyml_cmsis_mul_s16_params;

/* first, second, output: int16 [elements]; the output may be either input. */
void tinyml_cmsis_mul_s16(const tinyml_cmsis_mul_s16_params *params, const int16_t *first,
                          const int16_t *second, int16_t *output);

#endif
