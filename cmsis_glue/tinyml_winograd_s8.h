/*
 * CONV_2D, int8, 3x3 at stride 1, by Winograd's F(2x2, 3x3) in integers: 16 products for four outputs instead
 * of 36, and every output byte equal to the direct sum's.
 *
 * A tile is 4x4 input pixels and gives 2x2 outputs. With 1-D transforms B^T, G, A^T (Lavin and Gray, 2015), of
 * which G is doubled to be integral, outputs are A^T ((G w G^T) * (B^T x B)) A, four times the sum. int16 holds
 * all of it: |B^T x B| <= 4 * 128 and |G w G^T| <= 9 * 128. Sums of products may wrap around: additions are
 * modulo 2^32 throughout, and only the last sum, four times the output's accumulator, must fit int32.
 */
#ifndef TINYML_WINOGRAD_S8_H
#define TINYML_WINOGRAD_S8_H

#include "tinyml_window.h"

typedef struct {
    tinyml_window window; /* 3x3, strides and dilations 1; input channels a multiple of 4, output's of 2 */
    /*
     * For each pair of output channels, in the order of reading:
     *     0, or 0x80000000 for requantization by TFLM's own arithmetic;
     *     16 passes over the input channels, in the order of `_PASSES` in tinyml/kernels/winograd.py; a pass has
     *     four words for each four input channels, of two halfwords each: channels 0 and 2 for the first output
     *     channel, for the second, then channels 1 and 3;
     *     before the third pass: what both sums start from, four times the bias with the input's zero point
     *     folded in, and what requantization adds;
     *     after passes 11, 12, 15 and 16: multiplier and offset of both channels, proven at export to give
     *         saturate8((sum * multiplier + offset * 2^32 + 2^31) >> 32 >> 4),
     *     or multiplier, offset and shift of both, for
     *         saturate8((((sum * multiplier + 2^31) >> 32) + offset - (sum < 0)) >> shift).
     */
    const int32_t *stream;
    /*
     * NULL; otherwise weights to be transformed here, for each pair of output channels, four input channels and
     * output channel nine words of four int8: [window column][window row]. The stream then has no passes, and
     * the constants of requantization once, after what the sums start from.
     */
    const int32_t *weights;
    int32_t held; /* blocks whose weights are transformed together; 1 without `weights` */
} tinyml_winograd_s8_params;

/*
 * input: int8 [input_height][input_width][input_channels], aligned to 4 bytes;
 * output: int8 [output_height][output_width][output_channels], aligned to 2 bytes; it may lie on the input: block
 * by block, two rows of eight outputs, or `held` blocks at a time, all that is seen is read once, before any of
 * their outputs is written;
 * scratch: aligned to 4 bytes, as many as `tinyml.kernels.winograd` says.
 */
void tinyml_winograd_s8(const tinyml_winograd_s8_params *params, const int8_t *input, int8_t *output, int8_t *scratch);

#endif
