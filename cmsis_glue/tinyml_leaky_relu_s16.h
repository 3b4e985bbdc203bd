/* LEAKY_RELU, int16, with zero points 0; and RELU, whose negative multiplier is 0. */
#ifndef TINYML_LEAKY_RELU_S16_H
#define TINYML_LEAKY_RELU_S16_H

#include "tinyml_math.h"

typedef struct {
    int32_t elements;
    int32_t multiplier, shift;                   /* of values from 0 on; shift -31 to 15 */
    int32_t negative_multiplier, negative_shift; /* of the others; likewise */
    int32_t negative_sign;                       /* 1, or -1 when negative values become positive */
} tinyml_leaky_relu_s16_params;

/* Both int16 [elements]; the output may be the input. */
void tinyml_leaky_relu_s16(const tinyml_leaky_relu_s16_params *params, const int16_t *input, int16_t *output);

#endif
