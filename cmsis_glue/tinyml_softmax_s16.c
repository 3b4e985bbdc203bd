#include "tinyml_softmax_s16.h"

/* A table of 512 steps at x, interpolated; x is clamped to int16. */
static int32_t at(const int16_t *table, int32_t x)
{
    const int32_t within = tinyml_clamp(x, INT16_MIN, INT16_MAX);
    const int16_t *base = table + 256 + (within >> 7);
    return base[0] + (((base[1] - base[0]) * (within & 0x7f) + 64) >> 7);
}

/* 2^bits / sum in Q0.15 */
static int32_t reciprocal(const tinyml_softmax_s16_params *params, int32_t sum, int32_t bits)
{
    const int64_t normalized = (int64_t)sum * ((int64_t)1 << (30 - bits));
    const int32_t mantissa = (int32_t)((normalized + (1 << 13)) >> 14);
    return at(params->reciprocal, mantissa - (1 << 15) - (1 << 16));
}

static void softmax_row(const tinyml_softmax_s16_params *params, const int16_t *input, int16_t *output)
{
    int32_t largest = INT16_MIN;
    int32_t sum = 0; /* Q16.15; the largest alone gives nearly 1 */
    for (int32_t i = 0; i < params->classes; ++i) {
        largest = tinyml_max(largest, input[i]);
    }
    for (int32_t i = 0; i < params->classes; ++i) {
        const int32_t scaled = tinyml_requantize(input[i] - largest, params->multiplier, params->shift);
        output[i] = (int16_t)at(params->exponential, scaled + INT16_MAX);
        sum += output[i];
    }
    int32_t bits = 0; /* the place of the highest bit of the sum */
    while (sum >> bits > 1) {
        ++bits;
    }
    const int32_t factor = reciprocal(params, sum, bits);
    for (int32_t i = 0; i < params->classes; ++i) {
        const int64_t share = (int64_t)output[i] * factor + ((int64_t)1 << (bits - 1));
        output[i] = (int16_t)tinyml_clamp((int32_t)(share >> bits), 0, INT16_MAX);
    }
}

void tinyml_softmax_s16(const tinyml_softmax_s16_params *params, const int16_t *input, int16_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        softmax_row(params, input, output);
        input += params->classes;
        output += params->classes;
    }
}
