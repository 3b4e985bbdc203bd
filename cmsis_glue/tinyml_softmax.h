/*
 * Softmax of int8 in fixed point as gemmlowp and TFLite compute it: exponentials in Q0.31 by Taylor's series
 * and table factors, their sum in Q12.19, its reciprocal by Newton's division.
 */
#ifndef TINYML_SOFTMAX_H
#define TINYML_SOFTMAX_H

#include "tinyml_fixed_point.h"

typedef struct {
    int32_t rows, classes;    /* classes < 2^12 */
    int32_t multiplier;       /* of a difference to the row's maximum, to Q5.26 */
    int32_t left_shift;       /* 0 to 30 */
    int32_t least_difference; /* -256 to 0: smaller ones count as probability 0 */
} tinyml_softmax;

/* What turns a row's exponentials into probabilities: 1 / sum = reciprocal in Q0.31 / 2^bits. */
typedef struct {
    int32_t largest;
    int32_t reciprocal, bits; /* bits: 0 to 12 */
} tinyml_softmax_row;

static inline int32_t tinyml_softmax_exponential(const tinyml_softmax *p, int32_t difference)
{
    const int32_t shifted = difference * ((int32_t)1 << p->left_shift);
    return tinyml_exp_on_negative(tinyml_doubling_high_mul(shifted, p->multiplier));
}

static inline tinyml_softmax_row tinyml_softmax_row_of(const tinyml_softmax *p, const int8_t *input)
{
    tinyml_softmax_row row;
    int32_t sum = 0; /* Q12.19, at least 1 */
    row.largest = INT8_MIN;
    for (int32_t i = 0; i < p->classes; ++i) {
        row.largest = tinyml_max(row.largest, input[i]);
    }
    for (int32_t i = 0; i < p->classes; ++i) {
        const int32_t difference = input[i] - row.largest;
        if (difference >= p->least_difference) {
            sum += tinyml_rounding_shift(tinyml_softmax_exponential(p, difference), 12);
        }
    }
    const int32_t headroom = tinyml_leading_zeros((uint32_t)sum);
    row.reciprocal = tinyml_one_over_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
    row.bits = 12 - headroom;
    return row;
}

/* An input's probability in units of 2^-places, 8 or 16. */
static inline int32_t tinyml_softmax_share(const tinyml_softmax *p, const tinyml_softmax_row *row,
                                           int32_t input, int32_t places)
{
    const int32_t difference = input - row->largest;
    const int32_t exponent = row->bits + 31 - places;
    if (difference < p->least_difference || exponent > 31) { /* beyond 31 TFLM aborts; it rounds to 0 */
        return 0;
    }
    return tinyml_rounding_shift(tinyml_mul(row->reciprocal, tinyml_softmax_exponential(p, difference)),
                                 exponent);
}

#endif
