/* CONV_2D, int16 with int8 weights, per channel, with groups. */
#ifndef TINYML_CONV_S16_H
#define TINYML_CONV_S16_H

#include "tinyml_channels_s16.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;
    int32_t groups;        /* at least 1; divides the input channels and the output channels */
    const int8_t *weights; /* [output channel][row][column][input channel of the group], -128 to 127 */
    tinyml_channels_s16 to;
} tinyml_conv_s16_params;

/*
 * input: int16 [batches][input_height][input_width][input_channels], zero point 0;
 * output: int16 [batches][output_height][output_width][output_channels].
 * The output may cover input pixels that neither the output pixel being written nor a later one sees.
 */
void tinyml_conv_s16(const tinyml_conv_s16_params *params, const int16_t *input, int16_t *output);

#endif
