/* SOFTMAX over the last dimension, int8, output scale 1/256 and zero point -128. */
#ifndef TINYML_SOFTMAX_S8_H
#define TINYML_SOFTMAX_S8_H

#include "tinyml_math.h"

typedef struct {
    int32_t rows, classes;    /* classes < 2^12 */
    int32_t multiplier;       /* of a difference to the row's maximum, to Q5.26 */
    int32_t left_shift;       /* 0 to 30 */
    int32_t least_difference; /* -256 to 0: smaller ones count as probability 0 */
} tinyml_softmax_s8_params;

/* Both int8 [rows][classes]; the output may be the input. */
void tinyml_softmax_s8(const tinyml_softmax_s8_params *params, const int8_t *input, int8_t *output);

#endif
