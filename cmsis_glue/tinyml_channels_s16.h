/*
 * Sums of products of int16 and int8, requantized. TFLM has two ways: 64-bit sums with multipliers of 15 bits,
 * and (`wide` is 0) sums that wrap at 32 bits with multipliers of 31 bits.
 */
#ifndef TINYML_CHANNELS_S16_H
#define TINYML_CHANNELS_S16_H

#include "tinyml_math.h"

/* What turns accumulators into values: arrays have one an output channel. */
typedef struct {
    const int64_t *bias;        /* with any sum of products below 2^47 in size, when wide */
    const int32_t *multipliers; /* wide: 0 to 2^15 - 1; else 0 or in [2^30, 2^31) */
    const int8_t *shifts;       /* wide: -31 to 7; else -31 to 30 */
    int32_t wide;               /* 0 or 1 */
    int32_t activation_min;     /* -32768 to activation_max */
    int32_t activation_max;     /* activation_min to 32767 */
} tinyml_channels_s16;

/* x * multiplier * 2^(shift - 15), halves upwards. */
static inline int32_t tinyml_requantize_wide(int64_t x, int32_t multiplier, int32_t shift)
{
    const int32_t places = 15 - shift;
    return (int32_t)((x * multiplier + ((int64_t)1 << (places - 1))) >> places);
}

/* `sum` is without the bias. */
static inline int16_t tinyml_channel_output_s16(const tinyml_channels_s16 *to, int32_t channel, int64_t sum)
{
    const int32_t multiplier = to->multipliers[channel];
    const int32_t shift = to->shifts[channel];
    const int64_t biased = to->bias[channel] + sum;
    const int32_t scaled = to->wide ? tinyml_requantize_wide(biased, multiplier, shift)
                                    : tinyml_requantize((int32_t)biased, multiplier, shift);
    return (int16_t)tinyml_clamp(scaled, to->activation_min, to->activation_max);
}

static inline int64_t tinyml_products_s16(const int16_t *input, const int8_t *weights, int32_t length)
{
    int64_t sum = 0;
    for (int32_t k = 0; k < length; ++k) {
        sum += (int32_t)input[k] * weights[k];
    }
    return sum;
}

#endif
