/* TRANSPOSE_CONV, int8, per channel. */
#ifndef TINYML_TRANSPOSE_CONV_S8_H
#define TINYML_TRANSPOSE_CONV_S8_H

#include "tinyml_channels.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;  /* of the convolution from the output to the input; dilation 1 */
    const int8_t *weights; /* [output channel][row][column][input channel], -128 to 127 */
    tinyml_channels to;    /* the bias as in the model, the zero point not folded in */
} tinyml_transpose_conv_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels].
 * The accumulators must fit int32: |bias| + 2^15 * window elements < 2^31.
 * Output pixels are written in order: the output may cover input pixels that neither the one being written
 * nor a later one hears of.
 */
void tinyml_transpose_conv_s8(const tinyml_transpose_conv_s8_params *params, const int8_t *input,
                              int8_t *output);

#endif
