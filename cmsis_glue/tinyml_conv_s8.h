/* CONV_2D, int8, per channel. */
#ifndef TINYML_CONV_S8_H
#define TINYML_CONV_S8_H

#include "tinyml_channels.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;
    const int8_t *weights; /* [output channel][row][column][input channel], -128 to 127 */
    tinyml_channels to;
} tinyml_conv_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels];
 * patch: scratch of window_height * window_width * input_channels bytes.
 * The accumulators must fit int32: |bias| + 2^14 * window elements < 2^31.
 * Each output pixel is written when its window has been gathered, so that the output may cover input pixels
 * that no later output pixel sees.
 */
void tinyml_conv_s8(const tinyml_conv_s8_params *params, const int8_t *input, int8_t *output, int8_t *patch);

#endif
