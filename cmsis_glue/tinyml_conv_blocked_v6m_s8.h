/*
 * CONV_2D in blocks for ARMv6-M (Cortex-M0+); see tinyml_conv_blocked.h. Windows are staged as unsigned bytes, x + 128,
 * since these cores load no signed ones from constant distances: starts are less by 128 times the sum of the weights.
 */
#ifndef TINYML_CONV_BLOCKED_V6M_S8_H
#define TINYML_CONV_BLOCKED_V6M_S8_H

#include "tinyml_conv_blocked.h"

typedef tinyml_conv_blocked tinyml_conv_blocked_v6m_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels];
 * scratch: 5 * taps bytes, aligned to words.
 * The windows of four output pixels, which may begin in one row and end in the next, are staged before any of
 * the four is written; so the output may cover input pixels that no later output pixel sees.
 */
void tinyml_conv_blocked_v6m_s8(const tinyml_conv_blocked_v6m_s8_params *params, const int8_t *input, int8_t *output,
                                int8_t *scratch);

#endif
