/* From float to integer without a library function. */
#ifndef TINYML_FLOAT_H
#define TINYML_FLOAT_H

#include <stdint.h>

/* Towards zero; beyond int32 its nearest value, for NaN 0. */
static inline int32_t tinyml_truncate(float x)
{
    if (x >= 2147483648.0f) {
        return INT32_MAX;
    }
    if (x > -2147483648.0f) {
        return (int32_t)x;
    }
    return x < 0.0f ? INT32_MIN : 0;
}

/* To nearest, halves away from zero; |x| <= 2^30. */
static inline int32_t tinyml_round(float x)
{
    const int32_t whole = (int32_t)x;
    const float rest = x - (float)whole; /* exact */
    return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

#endif
