/*
 * Softmax in fixed point as gemmlowp and TFLite compute it: exponentials in Q0.31 by Taylor's series and
 * table factors, their sum in Q12.19, its reciprocal by Newton's division.
 */
#include "tinyml_softmax_s8.h"

#define FRACTION_BITS 26 /* of the exponential's argument, Q5.26 */
#define ONE INT32_MAX    /* 1 in Q0.31 */

/* Like tinyml_doubling_high_mul, for factors of any sign that are not both INT32_MIN. */
static int32_t mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

static int32_t saturating_left(int32_t x, int32_t places)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << places);
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* exp(a) in Q0.31 for a in [-1/4, 0) in Q0.31: Taylor's series around -1/8. */
static int32_t exp_near_zero(int32_t a)
{
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t x = a + ((int32_t)1 << 28);
    const int32_t x2 = mul(x, x);
    const int32_t x3 = mul(x2, x);
    const int32_t x4 = mul(x2, x2);
    const int32_t series = tinyml_rounding_shift(mul(tinyml_rounding_shift(x4, 2) + x3, third) + x2, 1);
    return exp_minus_eighth + mul(exp_minus_eighth, x + series);
}

/* exp(a) in Q0.31 for a <= 0 in Q5.26. */
static int32_t exp_on_negative(int32_t a)
{
    /* exp(-2^k) for k = -2 to 4 */
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = (int32_t)1 << (FRACTION_BITS - 2);
    const int32_t within = (a & (quarter - 1)) - quarter; /* in [-1/4, 0) */
    const int32_t remainder = within - a;
    int32_t result = exp_near_zero(within * 32);
    if (a == 0) {
        return ONE;
    }
    for (int32_t k = 0; k < 7; ++k) {
        if ((remainder >> (FRACTION_BITS - 2 + k)) & 1) {
            result = mul(result, factors[k]);
        }
    }
    return result;
}

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31: three steps of Newton's division in Q2.29. */
static int32_t one_over_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + ONE + 1) / 2);
    int32_t x = 1515870810 + mul(half_denominator, -1010580540); /* 48/17 and -32/17 */
    for (int step = 0; step < 3; ++step) {
        const int32_t error = ((int32_t)1 << 29) - mul(half_denominator, x);
        x += saturating_left(mul(x, error), 2);
    }
    return saturating_left(x, 1);
}

static int32_t leading_zeros(uint32_t x)
{
    int32_t zeros = 0;
    while (!(x & 0x80000000u)) {
        x <<= 1;
        ++zeros;
    }
    return zeros;
}

static int32_t exponential(const tinyml_softmax_s8_params *params, int32_t difference)
{
    const int32_t shifted = difference * (int32_t)(1 << params->left_shift);
    return exp_on_negative(tinyml_doubling_high_mul(shifted, params->multiplier));
}

static void softmax_row(const tinyml_softmax_s8_params *params, const int8_t *input, int8_t *output)
{
    int32_t largest = INT8_MIN;
    int32_t sum = 0; /* Q12.19, at least 1 */
    for (int32_t i = 0; i < params->classes; ++i) {
        largest = tinyml_max(largest, input[i]);
    }
    for (int32_t i = 0; i < params->classes; ++i) {
        const int32_t difference = input[i] - largest;
        if (difference >= params->least_difference) {
            sum += tinyml_rounding_shift(exponential(params, difference), 12);
        }
    }
    const int32_t headroom = leading_zeros((uint32_t)sum);
    const int32_t mantissa_minus_one = (int32_t)(((uint32_t)sum << headroom) - 0x80000000u);
    const int32_t reciprocal = one_over_one_plus(mantissa_minus_one);
    const int32_t exponent = 12 - headroom + 31 - 8; /* to 1/256 */
    for (int32_t i = 0; i < params->classes; ++i) {
        const int32_t difference = input[i] - largest;
        int32_t value = INT8_MIN;
        if (difference >= params->least_difference) {
            const int32_t share = mul(reciprocal, exponential(params, difference));
            value = tinyml_clamp(tinyml_rounding_shift(share, exponent) + INT8_MIN, INT8_MIN, INT8_MAX);
        }
        output[i] = (int8_t)value;
    }
}

void tinyml_softmax_s8(const tinyml_softmax_s8_params *params, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
