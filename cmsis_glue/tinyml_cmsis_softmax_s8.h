/* SOFTMAX, int8 to int8: arm_softmax_s8. */
#ifndef TINYML_CMSIS_SOFTMAX_S8_H
#define TINYML_CMSIS_SOFTMAX_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t rows, classes;
    int32_t multiplier, left_shift, least_difference;
} tinyml_cmsis_softmax_s8_params;

/* input: int8 [rows][classes]; output: int8, likewise, apart from the input. */
void tinyml_cmsis_softmax_s8(const tinyml_cmsis_softmax_s8_params *params, const int8_t *input, int8_t *output);

#endif
