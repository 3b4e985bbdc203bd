/* SOFTMAX, int8 to int16: arm_softmax_s8_s16. */
#ifndef TINYML_CMSIS_SOFTMAX_S8_S16_H
#define TINYML_CMSIS_SOFTMAX_S8_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t rows, classes;
    int32_t multiplier, left_shift, least_difference;
} tinyml_cmsis_softmax_s8_s16_params;

/* input: int8 [rows][classes]; output: int16, likewise, apart from the input. */
void tinyml_cmsis_softmax_s8_s16(const tinyml_cmsis_softmax_s8_s16_params *params, const int8_t *input,
                                 int16_t *output);

#endif
