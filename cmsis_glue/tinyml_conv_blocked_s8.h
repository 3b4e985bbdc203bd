/* CONV_2D in blocks for cores with MLA, SMLAL and SSAT (Cortex-M3); see tinyml_conv_blocked.h. */
#ifndef TINYML_CONV_BLOCKED_S8_H
#define TINYML_CONV_BLOCKED_S8_H

#include "tinyml_conv_blocked.h"

typedef tinyml_conv_blocked tinyml_conv_blocked_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels];
 * scratch: 5 * taps bytes, aligned to words.
 * The windows of four output pixels, which may begin in one row and end in the next, are staged before any of
 * the four is written; so the output may cover input pixels that no later output pixel sees.
 */
void tinyml_conv_blocked_s8(const tinyml_conv_blocked_s8_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch);

#endif
