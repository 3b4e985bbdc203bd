#include "tinyml_l2_normalization_s8.h"

#include "tinyml_fixed_point.h"

/* A factor as tinyml_requantize takes it. */
typedef struct {
    int32_t multiplier, shift;
} factor;

/* 1 / sqrt(x) in Q0.31 for x in [1/4, 1) in Q3.28, times sqrt(1/2): five steps of Newton's iteration. */
static int32_t root_of_mantissa(int32_t x)
{
    const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27);
    const int32_t half = tinyml_rounding_shift(x, 1);
    int32_t root = (int32_t)1 << 28; /* Q3.28 */
    for (int step = 0; step < 5; ++step) {
        const int32_t cube = tinyml_saturating_left(tinyml_mul(tinyml_mul(root, root), root), 6);
        root = tinyml_saturating_left(tinyml_mul(three_halves, root) - tinyml_mul(half, cube), 3);
    }
    return tinyml_mul(root, 1518500250);
}

/* 1 / sqrt(x) for x >= 0, where 0 counts as 1. */
static factor inverse_root(int32_t x)
{
    factor result = {INT32_MAX, 0};
    int32_t right_shift = 11;
    if (x <= 1) {
        return result;
    }
    while (x >= (int32_t)1 << 29) {
        x /= 4;
        ++right_shift;
    }
    while (x < (int32_t)1 << 27) {
        x *= 4;
        --right_shift;
    }
    result.multiplier = root_of_mantissa(x >> 1);
    if (right_shift < 0) {
        result.multiplier *= (int32_t)1 << -right_shift;
        right_shift = 0;
    }
    result.shift = -right_shift;
    return result;
}

static void normalize_row(const tinyml_l2_normalization_s8_params *params, const int8_t *input,
                          int8_t *output)
{
    int32_t squares = 0;
    for (int32_t i = 0; i < params->channels; ++i) {
        const int32_t x = input[i] - params->input_zero_point;
        squares += x * x;
    }
    const factor norm = inverse_root(squares);
    for (int32_t i = 0; i < params->channels; ++i) {
        const int32_t x = input[i] - params->input_zero_point;
        const int32_t scaled = tinyml_requantize(x, norm.multiplier, norm.shift + 7); /* to 1/128 */
        output[i] = (int8_t)tinyml_clamp(scaled, INT8_MIN, INT8_MAX);
    }
}

void tinyml_l2_normalization_s8(const tinyml_l2_normalization_s8_params *params, const int8_t *input,
                                int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        normalize_row(params, input, output);
        input += params->channels;
        output += params->channels;
    }
}
