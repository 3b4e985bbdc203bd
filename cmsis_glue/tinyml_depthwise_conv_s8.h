/* DEPTHWISE_CONV_2D, int8, per channel, any channel multiplier. */
#ifndef TINYML_DEPTHWISE_CONV_S8_H
#define TINYML_DEPTHWISE_CONV_S8_H

#include "tinyml_channels.h"
#include "tinyml_window.h"

typedef struct {
    tinyml_window window;
    int32_t channel_multiplier; /* output channel c reads input channel c / channel_multiplier */
    const int8_t *weights;      /* [row][column][output channel], -128 to 127 */
    tinyml_channels to;         /* the bias as in the model, the zero point not folded in */
} tinyml_depthwise_conv_s8_params;

/*
 * input: int8 [batches][input_height][input_width][input_channels];
 * output: int8 [batches][output_height][output_width][output_channels].
 * Output elements are written in order, each after its window has been read, so that the output may cover
 * input elements that no later output element needs.
 */
void tinyml_depthwise_conv_s8(const tinyml_depthwise_conv_s8_params *params, const int8_t *input,
                              int8_t *output);

#endif
