/*
 * Requantization for kernels in plain C whose constants the export has proven, or TFLM's own; tinyml_packed.h says
 * what both are. Two to three instructions an output on cores with SMLAL and SSAT (Cortex-M3).
 */
#ifndef TINYML_BLOCKED_H
#define TINYML_BLOCKED_H

#include "tinyml_saturate.h"

#define TINYML_BLOCKED_SHIFT 3 /* of a proven channel, after the multiplication */

/* (x * multiplier + offset * 2^32 + 2^31) / 2^32, rounded down */
static inline int32_t tinyml_blocked_high(int32_t x, int32_t multiplier, int32_t offset)
{
    const int64_t start = (int64_t)((uint64_t)(uint32_t)offset << 32 | 0x80000000u);
    return (int32_t)((start + (int64_t)x * multiplier) >> 32);
}

/* How a channel's sums become outputs; `shift` is of no effect where proven. */
typedef struct {
    int32_t multiplier, offset, shift;
} tinyml_blocked_channel;

/* How two channels' do. */
typedef struct {
    tinyml_blocked_channel a, b;
    int exact;
} tinyml_blocked_to;

/* Reads the constants of two channels; the stream moves on. */
static inline tinyml_blocked_to tinyml_blocked_take(const int32_t **stream)
{
    const int32_t *const c = *stream;
    if (c[0] < 0) {
        const tinyml_blocked_to exact = {{c[0] & INT32_MAX, c[1], c[2]}, {c[3], c[4], c[5]}, 1};
        *stream = c + 6;
        return exact;
    }
    const tinyml_blocked_to proven = {{c[0], c[1], TINYML_BLOCKED_SHIFT}, {c[2], c[3], TINYML_BLOCKED_SHIFT}, 0};
    *stream = c + 4;
    return proven;
}

/* An output where proven. */
static inline int8_t tinyml_blocked_proven(int32_t sum, const tinyml_blocked_channel *to)
{
    const int32_t high = tinyml_blocked_high(sum, to->multiplier, to->offset);
#if defined(TINYML_SSAT)
    int32_t saturated; /* the shift is part of the instruction */
    __asm("ssat %0, #8, %1, asr #3" : "=r"(saturated) : "r"(high) : "cc");
    return (int8_t)saturated;
#else
    return tinyml_saturate_s8(high >> TINYML_BLOCKED_SHIFT);
#endif
}

/* An output by TFLM's arithmetic: halves are rounded away from zero. */
static inline int8_t tinyml_blocked_exact(int32_t sum, const tinyml_blocked_channel *to)
{
    const int32_t away = sum >> 31;
    return tinyml_saturate_s8(tinyml_blocked_high(2 * sum, to->multiplier, to->offset + away) >> to->shift);
}

static inline int8_t tinyml_blocked_output(int32_t sum, const tinyml_blocked_channel *to, int exact)
{
    return exact ? tinyml_blocked_exact(sum, to) : tinyml_blocked_proven(sum, to);
}

#endif
