/* The dot product of int8 vectors, four products at a time where the core has the DSP extension. */
#ifndef TINYML_DOT_H
#define TINYML_DOT_H

#include "tinyml_dsp.h"

/* sum + weights . values; no part of it may leave int32. */
static inline int32_t tinyml_dot(int32_t sum, const int8_t *weights, const int8_t *values, int32_t count)
{
#if defined(TINYML_DSP)
    for (; count >= 4; count -= 4) {
        const tinyml_bytes four = tinyml_take_bytes(&values);
        sum = tinyml_dot_bytes(four, &weights, sum);
    }
#endif
    for (; count > 0; --count) {
        sum += (int32_t)*weights++ * *values++;
    }
    return sum;
}

#endif
