/* FULLY_CONNECTED, int16 with int8 weights, per tensor or per channel. */
#ifndef TINYML_FULLY_CONNECTED_S16_H
#define TINYML_FULLY_CONNECTED_S16_H

#include "tinyml_channels_s16.h"

typedef struct {
    int32_t rows, input_channels, output_channels;
    const int8_t *weights; /* [output channel][input channel], -128 to 127 */
    tinyml_channels_s16 to;
} tinyml_fully_connected_s16_params;

/*
 * input: int16 [rows][input_channels], zero point 0; output: int16 [rows][output_channels], apart from the
 * input.
 */
void tinyml_fully_connected_s16(const tinyml_fully_connected_s16_params *params, const int16_t *input,
                                int16_t *output);

#endif
