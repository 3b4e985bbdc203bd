/*
 * Requantization for kernels in plain C whose constants the export has proven, or TFLM's own; tinyml_packed.h says
 * what both are. Two to three instructions an output on cores with SMLAL and SSAT (Cortex-M3).
 */
#ifndef TINYML_BLOCKED_H
#define TINYML_BLOCKED_H

#include "tinyml_saturate.h"

#if defined(__GNUC__)
#define BLOCKED_APART __attribute__((noinline)) /* so that it has all registers to itself */
#else
#define BLOCKED_APART
#endif

#define TINYML_BLOCKED_SHIFT 3 /* of a proven channel, after the multiplication */

/* (x * multiplier + offset * 2^32 + 2^31) / 2^32, rounded down */
static inline int32_t tinyml_blocked_high(int32_t x, int32_t multiplier, int32_t offset)
{
#if defined(TINYML_SHORT_MULTIPLY)
    return tinyml_high_mul(x, multiplier) + offset;
#else
    const int64_t start = (int64_t)((uint64_t)(uint32_t)offset << 32 | 0x80000000u);
    return (int32_t)((start + (int64_t)x * multiplier) >> 32);
#endif
}

/* Writes an output of a proven channel. */
static inline void tinyml_blocked_proven(int8_t *output, int32_t sum, int32_t multiplier, int32_t offset)
{
    const int32_t high = tinyml_blocked_high(sum, multiplier, offset);
#if defined(TINYML_SSAT)
    int32_t saturated; /* the shift is part of the instruction */
    __asm("ssat %0, #8, %1, asr #3" : "=r"(saturated) : "r"(high) : "cc");
    *output = (int8_t)saturated;
#else
    *output = tinyml_saturate_s8(high >> TINYML_BLOCKED_SHIFT);
#endif
}

/* Writes an output by TFLM's arithmetic: halves are rounded away from zero. */
static inline void tinyml_blocked_exact(int8_t *output, int32_t sum, int32_t multiplier, int32_t offset, int32_t shift)
{
    const int32_t away = sum >> 31;
    *output = tinyml_saturate_s8(tinyml_blocked_high(2 * sum, multiplier, offset + away) >> shift);
}

/* Twenty instructions of ARMv6-M are written once, those of other cores wherever they are needed. */
#if defined(TINYML_SHORT_MULTIPLY)
#define BLOCKED_PAIR BLOCKED_APART static
#else
#define BLOCKED_PAIR static inline
#endif

/* The outputs of two channels, whose constants are at `c`; answers the rest of the stream. */
BLOCKED_PAIR const int32_t *tinyml_blocked_pair(int32_t a, int32_t b, const int32_t *c, int8_t *output)
{
    if (c[0] < 0) {
        tinyml_blocked_exact(output, a, c[0] & INT32_MAX, c[1], c[2]);
        tinyml_blocked_exact(output + 1, b, c[3], c[4], c[5]);
        return c + 6;
    }
    tinyml_blocked_proven(output, a, c[0], c[1]);
    tinyml_blocked_proven(output + 1, b, c[2], c[3]);
    return c + 4;
}

#endif
