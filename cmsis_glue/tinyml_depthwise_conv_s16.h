/* DEPTHWISE_CONV_2D, int16 with int8 weights, per channel, any channel multiplier. */
#ifndef TINYML_DEPTHWISE_CONV_S16_H
#define TINYML_DEPTHWISE_CONV_S16_H

#include "tinyml_channels_s16.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;
    int32_t channel_multiplier; /* output channel c reads input channel c / channel_multiplier */
    const int8_t *weights;      /* [row][column][output channel], -128 to 127 */
    tinyml_channels_s16 to;
} tinyml_depthwise_conv_s16_params;

/*
 * input: int16 [batches][input_height][input_width][input_channels], zero point 0;
 * output: int16 [batches][output_height][output_width][output_channels].
 * Output elements are written in order, each after its window has been read, so that the output may cover
 * input elements that no later output element needs.
 */
void tinyml_depthwise_conv_s16(const tinyml_depthwise_conv_s16_params *params, const int16_t *input,
                               int16_t *output);

#endif
