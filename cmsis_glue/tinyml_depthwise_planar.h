/*
 * Depthwise convolution, one channel after the other: the channel is copied into scratch, as
 * halfwords with the zero point around them, and then every output channel that is made of it is computed
 * from there. So the output may take over the input's memory when both are of one size. Two channels may be
 * copied together, each into a plane of its own: of two neighbours a halfword is read.
 *
 * The plane is walked along its lines in strips of four outputs, then two, then one. Lines are the image's
 * rows or its columns: the export swaps them, and turns the weights, where that gives fuller strips.
 */
#ifndef TINYML_DEPTHWISE_PLANAR_H
#define TINYML_DEPTHWISE_PLANAR_H

#include "tinyml_dsp.h"
#include "tinyml_saturate.h"

#define TINYML_PLANAR_SHIFT 6    /* the last shift of the proven requantization */
#define TINYML_PLANAR_WEIGHTS 10   /* bytes a channel of 3x3 windows: nine weights, then their power of two */
#define TINYML_PLANAR_CONSTANTS 80 /* bytes of scratch before the plane */

/* Steps are in elements: between the elements of a line, and between lines. */
typedef struct {
    int32_t images, input_image, output_image; /* how many, and the elements of each */
    int32_t channels;   /* of the input */
    int32_t multiplier; /* output channels of each; at least 1 */
    int32_t input_lines, input_length, input_line_step, input_step; /* what windows see, each at least 1 */
    int32_t output_lines, output_length, output_line_step, output_step;
    int32_t before;      /* the plane's elements before the input's first */
    int32_t pitch;       /* elements from line to line of the plane; even */
    int32_t plane;       /* elements of the plane, or of both; even */
    int32_t second;      /* from the first plane to the second, whose padding may be in both; even. 0: but one */
    int32_t zero_point;  /* of the input, -128 to 127 */
    int32_t output_zero; /* zero point of the output; of no effect where requantization is proven */
    const int8_t *weights;  /* [output channel][window + 1]: the window's along the lines, then `bits`, 0 to 8 */
    const int16_t *offsets; /* [output channel]: of a proven requantization, otherwise the right shift, 1 to 23 */
    const int32_t *sums;    /* [output channel][2]: what sums shifted left by `bits` start from, multiplier */
} tinyml_depthwise_planar;

/* What one output channel needs besides its weights. */
typedef struct {
    int32_t bits, bias, multiplier, offset, shift;
    int32_t negative; /* added to the offset of negative sums: 0 or -1 */
} tinyml_planar_channel;

/*
 * Proven (`exact` 0): the steps of TFLM's function were compared at export. Exact: sums are doubled, so that
 * the rounding high multiply is TFLM's doubling one; the offset then makes the shift round as TFLM's does,
 * halves away from zero, and adds the zero point.
 */
static inline tinyml_planar_channel tinyml_planar_of(const int32_t *sums, int32_t last, int32_t output_zero,
                                                     int32_t bits, int exact)
{
    tinyml_planar_channel to;
    to.bits = bits;
    to.bias = sums[0];
    to.multiplier = sums[1];
    to.shift = exact ? last : TINYML_PLANAR_SHIFT;
    to.offset = exact ? output_zero * (1 << last) + (1 << (last - 1)) : last;
    to.negative = exact ? -1 : 0;
    return to;
}

static inline tinyml_planar_channel tinyml_planar_to(const tinyml_depthwise_planar *p, int32_t channel, int32_t bits,
                                                     int exact)
{
    return tinyml_planar_of(p->sums + 2 * channel, p->offsets[channel], p->output_zero, bits, exact);
}

static inline int8_t tinyml_planar_requantize(const tinyml_planar_channel *to, int32_t sum)
{
    const int32_t offset = to->offset + (to->negative & (sum >> 31));
#if defined(TINYML_DSP)
    int32_t scaled;
    __asm("smmlar %0, %1, %2, %3" : "=r"(scaled) : "r"(sum), "r"(to->multiplier), "r"(offset));
#else
    const int32_t scaled = offset + tinyml_high_mul(sum, to->multiplier);
#endif
    return tinyml_saturate_s8(scaled >> to->shift);
}

#endif
