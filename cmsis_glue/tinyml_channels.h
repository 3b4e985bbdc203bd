/*
 * A matrix of weights times a vector of bytes, requantized: the core of convolution and fully connected.
 */
#ifndef TINYML_CHANNELS_H
#define TINYML_CHANNELS_H

#include "tinyml_dsp.h"
#include "tinyml_math.h"

/* What turns accumulators into bytes: arrays have one value an output channel. */
typedef struct {
    const int32_t *bias;        /* with the input's zero point folded in */
    const int32_t *multipliers; /* 0 or in [2^30, 2^31) */
    const int8_t *shifts;       /* -31 to 30 */
    int32_t output_zero_point;  /* -128 to 127 */
    int32_t activation_min;     /* -128 to activation_max */
    int32_t activation_max;     /* activation_min to 127 */
} tinyml_channels;

static inline int8_t tinyml_channel_output(const tinyml_channels *to, int32_t channel, int32_t sum)
{
    const int32_t scaled =
        tinyml_requantize(sum, to->multipliers[channel], to->shifts[channel]) + to->output_zero_point;
    return (int8_t)tinyml_clamp(scaled, to->activation_min, to->activation_max);
}

/*
 * output[c] = requantize(bias[c] + sum over k of weights[c][k] * input[k]).
 * Four channels go together, so that an input byte is loaded once for four products.
 */
static inline void tinyml_channels_of(const tinyml_channels *to, const int8_t *weights, const int8_t *input,
                                      int32_t length, int32_t channels, int8_t *output)
{
    int32_t channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        const int8_t *w0 = weights + channel * length;
        const int8_t *w1 = w0 + length;
        const int8_t *w2 = w1 + length;
        const int8_t *w3 = w2 + length;
        int32_t sum0 = to->bias[channel];
        int32_t sum1 = to->bias[channel + 1];
        int32_t sum2 = to->bias[channel + 2];
        int32_t sum3 = to->bias[channel + 3];
        const int8_t *x = input;
#if defined(TINYML_DSP)
        for (const int8_t *const end = input + (length & ~3); x != end;) {
            const tinyml_bytes four = tinyml_take_bytes(&x);
            sum0 = tinyml_dot_bytes(four, &w0, sum0);
            sum1 = tinyml_dot_bytes(four, &w1, sum1);
            sum2 = tinyml_dot_bytes(four, &w2, sum2);
            sum3 = tinyml_dot_bytes(four, &w3, sum3);
        }
#endif
        for (const int8_t *const end = input + length; x != end; ++x) {
            const int32_t value = *x;
            sum0 += value * *w0++;
            sum1 += value * *w1++;
            sum2 += value * *w2++;
            sum3 += value * *w3++;
        }
        output[channel] = tinyml_channel_output(to, channel, sum0);
        output[channel + 1] = tinyml_channel_output(to, channel + 1, sum1);
        output[channel + 2] = tinyml_channel_output(to, channel + 2, sum2);
        output[channel + 3] = tinyml_channel_output(to, channel + 3, sum3);
    }
    for (; channel < channels; ++channel) {
        const int8_t *w = weights + channel * length;
        int32_t sum = to->bias[channel];
        for (int32_t k = 0; k < length; ++k) {
            sum += (int32_t)input[k] * w[k];
        }
        output[channel] = tinyml_channel_output(to, channel, sum);
    }
}

#endif
