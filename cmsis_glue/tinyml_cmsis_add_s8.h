/* ADD, int8, of operands of one shape: arm_elementwise_add_s8. */
#ifndef TINYML_CMSIS_ADD_S8_H
#define TINYML_CMSIS_ADD_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t elements, headroom; /* headroom: the left shift of both operands */
    int32_t first_zero_point, first_multiplier, first_shift;
    int32_t second_zero_point, second_multiplier, second_shift;
    int32_t output_zero_point, output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} tinyml_cmsis_add_s8_params;

/* first, second, output: int8 [elements]; the output may be either input. */
void tinyml_cmsis_add_s8(const tinyml_cmsis_add_s8_params *params, const int8_t *first, const int8_t *second,
                         int8_t *output);

#endif
