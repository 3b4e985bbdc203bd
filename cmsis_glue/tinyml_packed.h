/*
 * What the packed convolutions share: blocks of two output channels by four output pixels, whose windows are
 * staged once for all channels.
 *
 * The stream of constants is read from front to back. For each pair of channels it holds
 *
 *     the sums' start: bias with the input's zero point folded in, and what requantization adds to it
 *     weights, as the kernel says; zeros beyond the last tap, and for the second of an odd last channel
 *     multiplier, offset of the first channel; multiplier, offset of the second: proven at export, so that
 *         saturate8((sum * multiplier + offset * 2^32 + 2^31) >> 32 >> shift) is TFLM's output,
 *
 * or, where the first multiplier's top bit is set, TFLM's own arithmetic: three constants of each channel,
 *
 *     multiplier in [2^30, 2^31) or 0; offset = (zero point << shift) + 2^(shift - 1); shift, 1 to 30.
 */
#ifndef TINYML_PACKED_H
#define TINYML_PACKED_H

#include "tinyml_dsp.h"
#include "tinyml_stage.h"

#if defined(TINYML_DSP) && defined(__thumb2__)
#define TINYML_PACKED_ASM 1 /* otherwise the same in C */
#endif

#define TINYML_PACKED_PLACE 20 /* bytes of scratch behind the staged windows */

typedef struct {
    tinyml_stage stage;
    int32_t exact; /* 1 where some pair takes TFLM's own arithmetic, else 0 */
    const int32_t *stream;
} tinyml_packed;

#endif
