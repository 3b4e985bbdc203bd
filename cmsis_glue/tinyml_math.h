/*
 * Integer arithmetic of TFLite's 8-bit quantization, as TFLM computes it (gemmlowp, double rounding).
 *
 * Right shifts of negative values must be arithmetic, as they are in gcc, clang and Arm Compiler.
 */
#ifndef TINYML_MATH_H
#define TINYML_MATH_H

#include <stdint.h>

/* round(a * b / 2^31), halves upwards. b >= 0, so nothing saturates. */
static inline int32_t tinyml_doubling_high_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent to nearest, halves away from zero. 0 <= exponent <= 31. */
static inline int32_t tinyml_rounding_shift(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* x * multiplier * 2^(shift - 31). multiplier >= 0, -31 <= shift <= 30. A left shift wraps, as in TFLM. */
static inline int32_t tinyml_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)x << left);
    return tinyml_rounding_shift(tinyml_doubling_high_mul(shifted, multiplier), right);
}

static inline int32_t tinyml_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}

static inline int32_t tinyml_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t tinyml_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

#endif
