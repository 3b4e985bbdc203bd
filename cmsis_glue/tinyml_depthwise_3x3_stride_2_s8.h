/* DEPTHWISE_CONV_2D of int8, 3x3 windows at stride 2, its requantization proven at export; see tinyml_depthwise_planar.h. */
#ifndef TINYML_DEPTHWISE_3X3_STRIDE_2_S8_H
#define TINYML_DEPTHWISE_3X3_STRIDE_2_S8_H

#include "tinyml_depthwise_planar.h"

typedef tinyml_depthwise_planar tinyml_depthwise_3x3_stride_2_s8_params;

/*
 * input, output: int8; the output may be the input where both have the same size and channels.
 * scratch: aligned to words, TINYML_PLANAR_CONSTANTS bytes and the plane.
 */
void tinyml_depthwise_3x3_stride_2_s8(const tinyml_depthwise_3x3_stride_2_s8_params *params, const int8_t *input, int8_t *output,
           int8_t *scratch);

#endif
