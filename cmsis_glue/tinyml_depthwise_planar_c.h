/* The kernels of tinyml_depthwise_planar.h in plain C; `stride` and `exact` are constants of each. */
#ifndef TINYML_DEPTHWISE_PLANAR_C_H
#define TINYML_DEPTHWISE_PLANAR_C_H

#include "tinyml_depthwise_planar_copy.h"

static inline int8_t tinyml_planar_output(const tinyml_planar_channel *to, int32_t products)
{
    return tinyml_planar_requantize(to, products * (1 << to->bits) + to->bias);
}

/* Products of four neighbours. */
typedef struct {
    int32_t at0, at1, at2, at3;
} tinyml_planar_sums;

/* Four at a time, so that weights and elements are loaded less often. */
static inline tinyml_planar_sums tinyml_planar_sum_four(const int8_t *weights, const int16_t *seen, int32_t pitch,
                                                        int32_t stride)
{
    tinyml_planar_sums sums = {0, 0, 0, 0};
    for (const int8_t *const end = weights + 9; weights != end; weights += 3) {
        const int32_t w0 = weights[0], w1 = weights[1], w2 = weights[2];
        sums.at0 += w0 * seen[0] + w1 * seen[1] + w2 * seen[2];
        sums.at1 += w0 * seen[stride] + w1 * seen[stride + 1] + w2 * seen[stride + 2];
        sums.at2 += w0 * seen[2 * stride] + w1 * seen[2 * stride + 1] + w2 * seen[2 * stride + 2];
        sums.at3 += w0 * seen[3 * stride] + w1 * seen[3 * stride + 1] + w2 * seen[3 * stride + 2];
        seen += pitch;
    }
    return sums;
}

#if defined(TINYML_SHORT_MULTIPLY) && defined(__GNUC__) && !defined(__clang__)

#define TINYML_PLANAR_LOAD(offset)                                                                                 \
    "ldrh r5, [r0, #" offset "]\n\t"                                                                             \
    "sxth r5, r5\n\t"
#define TINYML_PLANAR_ADD(sum, weight)                                                                             \
    "movs r6, r5\n\t"                                                                                            \
    "muls r6, " weight ", r6\n\t"                                                                                \
    "add " sum ", r6\n\t"
#define TINYML_PLANAR_LAST(sum, weight)                                                                            \
    "muls r5, " weight ", r5\n\t"                                                                                \
    "add " sum ", r5\n\t"
#define TINYML_PLANAR_LINE(first, second, third)                                                                   \
    "ldrb r2, [r1, #" first "]\n\t"                                                                              \
    "ldrb r3, [r1, #" second "]\n\t"                                                                             \
    "ldrb r4, [r1, #" third "]\n\t"                                                                              \
    "sxtb r2, r2\n\t"                                                                                            \
    "sxtb r3, r3\n\t"                                                                                            \
    "sxtb r4, r4\n\t" TINYML_PLANAR_LOAD("0") TINYML_PLANAR_LAST("r8", "r2") TINYML_PLANAR_LOAD("2")             \
        TINYML_PLANAR_ADD("r8", "r3") TINYML_PLANAR_LAST("r9", "r2") TINYML_PLANAR_LOAD("4")                       \
            TINYML_PLANAR_ADD("r8", "r4") TINYML_PLANAR_ADD("r9", "r3") TINYML_PLANAR_LAST("r10", "r2")            \
                TINYML_PLANAR_LOAD("6") TINYML_PLANAR_ADD("r9", "r4") TINYML_PLANAR_ADD("r10", "r3")               \
                    TINYML_PLANAR_LAST("r11", "r2") TINYML_PLANAR_LOAD("8") TINYML_PLANAR_ADD("r10", "r4")         \
                        TINYML_PLANAR_LAST("r11", "r3") TINYML_PLANAR_LOAD("10") TINYML_PLANAR_LAST("r11", "r4")

/* The same at stride 1 for ARMv6-M, with the sums in high registers, which the compiler uses for copies only. */
static inline tinyml_planar_sums tinyml_planar_sum_row(const int8_t *weights, const int16_t *seen, int32_t pitch)
{
    register const int16_t *x __asm("r0") = seen;
    register const int8_t *w __asm("r1") = weights;
    register int32_t sum0 __asm("r8") = 0;
    register int32_t sum1 __asm("r9") = 0;
    register int32_t sum2 __asm("r10") = 0;
    register int32_t sum3 __asm("r11") = 0;
    register int32_t next __asm("r12") = 2 * pitch;
    __asm volatile(".syntax unified\n\t" TINYML_PLANAR_LINE("0", "1", "2") "add r0, r12\n\t" TINYML_PLANAR_LINE(
                       "3", "4", "5") "add r0, r12\n\t" TINYML_PLANAR_LINE("6", "7", "8")
                   : "+r"(x), "+r"(sum0), "+r"(sum1), "+r"(sum2), "+r"(sum3)
                   : "r"(w), "r"(next)
                   : "r2", "r3", "r4", "r5", "r6", "cc", "memory");
    const tinyml_planar_sums sums = {sum0, sum1, sum2, sum3};
    return sums;
}

#else

static inline tinyml_planar_sums tinyml_planar_sum_row(const int8_t *weights, const int16_t *seen, int32_t pitch)
{
    return tinyml_planar_sum_four(weights, seen, pitch, 1);
}

#endif

static inline void tinyml_planar_four(const tinyml_planar_channel *to, const int8_t *weights,
                                      const int16_t *seen, int32_t pitch, int32_t stride, int8_t *output,
                                      int32_t step)
{
    const tinyml_planar_sums sums = stride == 1 ? tinyml_planar_sum_row(weights, seen, pitch)
                                                : tinyml_planar_sum_four(weights, seen, pitch, stride);
    output[0] = tinyml_planar_output(to, sums.at0);
    output[step] = tinyml_planar_output(to, sums.at1);
    output[2 * step] = tinyml_planar_output(to, sums.at2);
    output[3 * step] = tinyml_planar_output(to, sums.at3);
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
    const int8_t *weights = p->weights + channel * TINYML_PLANAR_WEIGHTS;
    const tinyml_planar_channel to = tinyml_planar_to(p, channel, weights[9], exact);
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
