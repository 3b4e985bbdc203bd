/* TRANSPOSE_CONV, int16 with int8 weights, per channel. */
#ifndef TINYML_TRANSPOSE_CONV_S16_H
#define TINYML_TRANSPOSE_CONV_S16_H

#include "tinyml_channels_s16.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;  /* of the convolution from the output to the input; dilation 1 */
    const int8_t *weights; /* [output channel][row][column][input channel], -128 to 127 */
    tinyml_channels_s16 to;
} tinyml_transpose_conv_s16_params;

/*
 * input: int16 [batches][input_height][input_width][input_channels], zero point 0;
 * output: int16 [batches][output_height][output_width][output_channels].
 * Output pixels are written in order: the output may cover input pixels that neither the one being written
 * nor a later one hears of.
 */
void tinyml_transpose_conv_s16(const tinyml_transpose_conv_s16_params *params, const int16_t *input,
                               int16_t *output);

#endif
