/*
 * Logarithm of softmax in fixed point as gemmlowp and TFLite compute it: the sum of exponentials in Q12.19,
 * its logarithm by a rational approximation around 2^-1/4.
 */
#include "tinyml_log_softmax_s8.h"

#include "tinyml_fixed_point.h"

#define HALF_ROOT 1518500250                /* sqrt(1/2) in Q0.31 */
#define QUARTER_ROOT 1805811301             /* sqrt(sqrt(1/2)) */
#define QUARTER ((int32_t)1 << 23)          /* 1/4 in Q6.25 */
#define POWER(n) ((n) * ((int32_t)1 << 25)) /* n in Q6.25 */

/* log(r * 2^(1/4)) in Q6.25, for r in [sqrt(1/2), 1) in Q0.31: a rational approximation. */
static int32_t log_of_mantissa(int32_t r)
{
    const int32_t p = (int32_t)(((int64_t)r + QUARTER_ROOT + 1) / 2);
    const int32_t q = 2 * (r - QUARTER_ROOT);
    const int32_t square = tinyml_mul(q, q);
    const int32_t inner = 1057819769 + q + tinyml_mul(127690142, square);
    const int32_t denominator = tinyml_mul(p, inner) + tinyml_mul(638450708, q);
    const int32_t numerator = tinyml_mul(q, r) + tinyml_mul(tinyml_mul(q, square), 117049297);
    return tinyml_mul(tinyml_rounding_shift(numerator, 6), tinyml_one_over_one_plus(denominator));
}

/* log(x) in Q5.26 for x >= 1 in Q12.19. */
static int32_t logarithm(int32_t x)
{
    /* x is 2^power times a mantissa; of two ways to choose them, the lesser mantissa and greater power */
    const int32_t a_headroom = tinyml_leading_zeros((uint32_t)x);
    const int32_t b = tinyml_mul(x, HALF_ROOT);
    const int32_t b_headroom = tinyml_leading_zeros((uint32_t)b) - 1;
    const int32_t a_mantissa =
        tinyml_saturating_left(tinyml_mul(tinyml_saturating_left(x, a_headroom - 1), HALF_ROOT), 1);
    const int32_t b_mantissa = tinyml_saturating_left(x, b_headroom);
    const int32_t power = tinyml_max(POWER(12 - a_headroom) + QUARTER, POWER(12 - b_headroom) - QUARTER);
    const int32_t fraction = log_of_mantissa(tinyml_min(a_mantissa, b_mantissa));
    return tinyml_saturating_left(tinyml_mul(power, 1488522236) + fraction, 1); /* log(2) */
}

/* A difference to the row's maximum in Q5.26. */
static int32_t scaled(const tinyml_log_softmax_s8_params *params, int32_t difference)
{
    return tinyml_requantize(difference, params->multiplier, params->left_shift);
}

static void log_softmax_row(const tinyml_log_softmax_s8_params *params, const int8_t *input, int8_t *output)
{
    int32_t largest = INT8_MIN;
    int32_t sum = 0; /* Q12.19, at least 1 */
    for (int32_t i = 0; i < params->classes; ++i) {
        largest = tinyml_max(largest, input[i]);
    }
    for (int32_t i = 0; i < params->classes; ++i) {
        const int32_t difference = input[i] - largest;
        if (difference >= params->least_difference) {
            sum += tinyml_rounding_shift(tinyml_exp_on_negative(scaled(params, difference)), 12);
        }
    }
    const int32_t log_sum = logarithm(sum);
    const int32_t lowest =
        tinyml_requantize(log_sum + INT32_MIN, params->back_multiplier, params->back_shift);
    const int32_t bound = tinyml_max(params->least_difference - 1, lowest);
    for (int32_t i = 0; i < params->classes; ++i) {
        const int32_t difference = input[i] - largest;
        int32_t value = INT8_MIN;
        if (difference > bound) {
            const int32_t log = tinyml_rounding_shift(scaled(params, difference) - log_sum, 22);
            value = tinyml_clamp(log + INT8_MAX, INT8_MIN, INT8_MAX);
        }
        output[i] = (int8_t)value;
    }
}

void tinyml_log_softmax_s8(const tinyml_log_softmax_s8_params *params, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        log_softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
