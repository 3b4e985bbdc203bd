/*
 * DEPTHWISE_CONV_2D of int8, 3x3 windows at stride 2, its requantization proven at export, from two channels
 * at a time: there is an even number of them, and of each one output channel; see tinyml_depthwise_planar.h.
 */
#ifndef TINYML_DEPTHWISE_3X3_PAIRS_STRIDE_2_S8_H
#define TINYML_DEPTHWISE_3X3_PAIRS_STRIDE_2_S8_H

#include "tinyml_depthwise_planar.h"

typedef tinyml_depthwise_planar tinyml_depthwise_3x3_pairs_stride_2_s8_params;

/*
 * input, output: int8; the output may be the input where both have the same size and channels.
 * scratch: aligned to words, TINYML_PLANAR_CONSTANTS bytes and both planes.
 */
void tinyml_depthwise_3x3_pairs_stride_2_s8(const tinyml_depthwise_3x3_pairs_stride_2_s8_params *params, const int8_t *input, int8_t *output,
           int8_t *scratch);

#endif
