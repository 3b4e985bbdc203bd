/* The kernels of tinyml_depthwise_planar.h in plain C; `stride` and `exact` are constants of each. */
#ifndef TINYML_DEPTHWISE_PLANAR_C_H
#define TINYML_DEPTHWISE_PLANAR_C_H

#include "tinyml_depthwise_planar.h"
#include "tinyml_saturate.h"

static inline void tinyml_planar_copy(const tinyml_depthwise_planar *p, const int8_t *input, int16_t *plane)
{
    const int32_t step = p->input_step;
    for (int32_t line = 0; line < p->input_lines; ++line) {
        const int8_t *from = input + line * p->input_line_step;
        int16_t *to = plane + p->before + line * p->pitch;
        int32_t left = p->input_length;
        for (; left >= 4; left -= 4) {
            to[0] = from[0];
            to[1] = from[step];
            to[2] = from[2 * step];
            to[3] = from[3 * step];
            from += 4 * step;
            to += 4;
        }
        for (; left > 0; --left) {
            *to++ = *from;
            from += step;
        }
    }
}

static inline int8_t tinyml_planar_output(const tinyml_planar_channel *to, int32_t products)
{
    const int32_t sum = products * (1 << to->bits) + to->bias;
    const int32_t high = tinyml_high_mul(sum, to->multiplier);
    const int32_t offset = to->offset + (sum < 0 ? to->negative : 0);
    return tinyml_saturate_s8((high + offset) >> to->shift);
}

/* Four neighbours at a time, so that weights and elements are loaded less often. */
static inline void tinyml_planar_four(const tinyml_planar_channel *to, const int8_t *weights,
                                      const int16_t *seen, int32_t pitch, int32_t stride, int8_t *output,
                                      int32_t step)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (const int8_t *const end = weights + 9; weights != end; weights += 3) {
        const int32_t w0 = weights[0], w1 = weights[1], w2 = weights[2];
        sum0 += w0 * seen[0] + w1 * seen[1] + w2 * seen[2];
        sum1 += w0 * seen[stride] + w1 * seen[stride + 1] + w2 * seen[stride + 2];
        sum2 += w0 * seen[2 * stride] + w1 * seen[2 * stride + 1] + w2 * seen[2 * stride + 2];
        sum3 += w0 * seen[3 * stride] + w1 * seen[3 * stride + 1] + w2 * seen[3 * stride + 2];
        seen += pitch;
    }
    output[0] = tinyml_planar_output(to, sum0);
    output[step] = tinyml_planar_output(to, sum1);
    output[2 * step] = tinyml_planar_output(to, sum2);
    output[3 * step] = tinyml_planar_output(to, sum3);
}

static inline int8_t tinyml_planar_one(const tinyml_planar_channel *to, const int8_t *weights,
                                       const int16_t *seen, int32_t pitch)
{
    int32_t sum = 0;
    for (const int8_t *const end = weights + 9; weights != end; weights += 3) {
        sum += weights[0] * seen[0] + weights[1] * seen[1] + weights[2] * seen[2];
        seen += pitch;
    }
    return tinyml_planar_output(to, sum);
}

static inline void tinyml_planar_convolve(const tinyml_depthwise_planar *p, const int16_t *plane, int32_t channel,
                                          int32_t stride, int exact, int8_t *output)
{
    const tinyml_planar_channel to = tinyml_planar_to(p, channel, exact);
    const int8_t *weights = p->weights + channel * TINYML_PLANAR_WEIGHTS;
    const int32_t step = p->output_step;
    for (int32_t line = 0; line < p->output_lines; ++line) {
        const int16_t *seen = plane + line * stride * p->pitch;
        int8_t *at = output + line * p->output_line_step;
        int32_t left = p->output_length;
        for (; left >= 4; left -= 4) {
            tinyml_planar_four(&to, weights, seen, p->pitch, stride, at, step);
            seen += 4 * stride;
            at += 4 * step;
        }
        for (; left > 0; --left) {
            *at = tinyml_planar_one(&to, weights, seen, p->pitch);
            seen += stride;
            at += step;
        }
    }
}

#endif
