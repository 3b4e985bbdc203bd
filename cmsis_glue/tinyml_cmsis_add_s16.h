/* ADD, int16, of operands of one shape: arm_elementwise_add_s16. */
#ifndef TINYML_CMSIS_ADD_S16_H
#define TINYML_CMSIS_ADD_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t elements, headroom; /* headroom: the left shift of both operands */
    int32_t first_zero_point, first_multiplier, first_shift;
    int32_t second_zero_point, second_multiplier, second_shift;
    int32_t output_zero_point, output_multiplier, output_shift;
    int32_t activation_min, activation_max;
} tinyml_cmsis_add_s16_params;

/* first, second, output: int16 [elements]; the output may be either input. */
void tinyml_cmsis_add_s16(const tinyml_cmsis_add_s16_params *params, const int16_t *first,
                          const int16_t *second, int16_t *output);

#endif
