/*
 * Integer arithmetic of TFLite's 8-bit quantization, as TFLM computes it (gemmlowp, double rounding).
 *
 * Right shifts of negative values must be arithmetic, as they are in gcc, clang and Arm Compiler.
 */
#ifndef TINYML_MATH_H
#define TINYML_MATH_H

#include <stdint.h>

#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
#define TINYML_SHORT_MULTIPLY 1 /* ARMv6-M multiplies 32 bits by 32 bits to 32 bits */
#endif

/*
 * round(a * b / 2^32), halves upwards, by products of halfwords. Four multiplications and some twenty instructions
 * where a call of the compiler's 64-bit multiplication, with the sum and the shift, takes sixty.
 */
static inline int32_t tinyml_high_mul_by_halves(int32_t a, uint32_t b)
{
    const uint32_t a_low = (uint32_t)a & 0xffffu;
    const uint32_t b_low = b & 0xffffu;
    const int32_t a_high = a >> 16;
    const int32_t b_high = (int32_t)(b >> 16);
    const int32_t left = a_high * (int32_t)b_low;
    const uint32_t right = a_low * (uint32_t)b_high;
    const uint32_t carries = (a_low * b_low >> 16) + ((uint32_t)left & 0xffffu) + (right & 0xffffu) + 0x8000u;
    return a_high * b_high + (left >> 16) + (int32_t)(right >> 16) + (int32_t)(carries >> 16);
}

/* round(a * b / 2^32), halves upwards. b >= 0. */
static inline int32_t tinyml_high_mul(int32_t a, int32_t b)
{
#if defined(TINYML_SHORT_MULTIPLY)
    return tinyml_high_mul_by_halves(a, (uint32_t)b);
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#endif
}

/* round(a * b / 2^31), halves upwards. b >= 0, so nothing saturates. */
static inline int32_t tinyml_doubling_high_mul(int32_t a, int32_t b)
{
#if defined(TINYML_SHORT_MULTIPLY)
    return tinyml_high_mul_by_halves(a, 2 * (uint32_t)b);
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
#endif
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
