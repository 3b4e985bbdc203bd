/* CONV_2D, int8, per channel, with packed weights: two channels in the halfwords of one word. */
#ifndef TINYML_CONV_PACKED_S8_H
#define TINYML_CONV_PACKED_S8_H

#include "tinyml_packed.h"

/*
 * A word of weights holds 256 * w1 + w0 of two taps, 0 and 2 or 1 and 3 of every four, where w0 and w1 are the
 * weights of the pair's channels. Multiplied as it is, it adds up 256 * sum1 + sum0; its sign-extended bytes
 * give sum0. So no word needs unpacking twice, and weights take as much flash as without packing.
 *
 * What export proves: each 256 * w1 + w0 fits a halfword; 256 * sum1 and what is added to it fit int32.
 * The second channel's start is 256 times its own plus the first one's. A proven channel's final shift is 3;
 * that of a pair's second is 11, for the 256.
 */
typedef tinyml_packed tinyml_conv_packed_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels];
 * scratch: 8 * taps + 20 bytes, then what tinyml_stage_windows says of `spare`.
 * The windows of four output pixels, which may begin in one row and end in the next, are staged before any of
 * the four is written; so the output may cover input pixels that no later output pixel sees.
 */
void tinyml_conv_packed_s8(const tinyml_conv_packed_s8_params *params, const int8_t *input, int8_t *output,
                           int8_t *scratch);

#endif
