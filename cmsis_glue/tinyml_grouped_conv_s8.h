/* CONV_2D, int8, per channel, with groups. */
#ifndef TINYML_GROUPED_CONV_S8_H
#define TINYML_GROUPED_CONV_S8_H

#include "tinyml_channels.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;
    int32_t groups;        /* at least 1; divides the input channels and the output channels */
    const int8_t *weights; /* [output channel][row][column][input channel of the group], -128 to 127 */
    tinyml_channels to;    /* the bias as in the model, the zero point not folded in */
} tinyml_grouped_conv_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels].
 * The accumulators must fit int32: |bias| + 2^15 * window elements < 2^31.
 * The output may cover input pixels that neither the output pixel being written nor a later one sees.
 */
void tinyml_grouped_conv_s8(const tinyml_grouped_conv_s8_params *params, const int8_t *input, int8_t *output);

#endif
