/*
 * gemmlowp's fixed-point functions: exponential, reciprocal and logarithm. Qm.n has m integer and n
 * fraction bits; Q0.31's 1 is INT32_MAX.
 */
#ifndef TINYML_FIXED_POINT_H
#define TINYML_FIXED_POINT_H

#include "tinyml_math.h"

#define TINYML_EXP_FRACTION_BITS 26 /* of the exponential's argument, Q5.26 */

/* Like tinyml_doubling_high_mul, for factors of any sign that are not both INT32_MIN. */
static inline int32_t tinyml_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

static inline int32_t tinyml_saturating_left(int32_t x, int32_t places)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << places);
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* exp(a) in Q0.31 for a in [-1/4, 0) in Q0.31: Taylor's series around -1/8. */
static inline int32_t tinyml_exp_near_zero(int32_t a)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + ((int32_t)1 << 28);
    const int32_t x2 = tinyml_mul(x, x);
    const int32_t x3 = tinyml_mul(x2, x);
    const int32_t x4 = tinyml_mul(x2, x2);
    const int32_t high = tinyml_mul(tinyml_rounding_shift(x4, 2) + x3, third);
    const int32_t series = tinyml_rounding_shift(high + x2, 1);
    return exp_minus_eighth + tinyml_mul(exp_minus_eighth, x + series);
}

/* exp(a) in Q0.31 for a <= 0 in Q5.26. */
static inline int32_t tinyml_exp_on_negative(int32_t a)
{
    /* exp(-2^k) for k = -2 to 4 */
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = (int32_t)1 << (TINYML_EXP_FRACTION_BITS - 2);
    const int32_t within = (a & (quarter - 1)) - quarter; /* in [-1/4, 0) */
    const int32_t remainder = within - a;
    int32_t result = tinyml_exp_near_zero(within * 32);
    if (a == 0) {
        return INT32_MAX;
    }
    for (int32_t k = 0; k < 7; ++k) {
        if ((remainder >> (TINYML_EXP_FRACTION_BITS - 2 + k)) & 1) {
            result = tinyml_mul(result, factors[k]);
        }
    }
    return result;
}

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31: three steps of Newton's division in Q2.29. */
static inline int32_t tinyml_one_over_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + tinyml_mul(half_denominator, -1010580540); /* 48/17 and -32/17 */
    for (int step = 0; step < 3; ++step) {
        const int32_t error = ((int32_t)1 << 29) - tinyml_mul(half_denominator, x);
        x += tinyml_saturating_left(tinyml_mul(x, error), 2);
    }
    return tinyml_saturating_left(x, 1);
}

/* x > 0 */
static inline int32_t tinyml_leading_zeros(uint32_t x)
{
    int32_t zeros = 0;
    while (!(x & 0x80000000u)) {
        x <<= 1;
        ++zeros;
    }
    return zeros;
}

#endif
