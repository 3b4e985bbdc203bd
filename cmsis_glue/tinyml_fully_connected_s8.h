/* FULLY_CONNECTED, int8, per tensor or per channel. */
#ifndef TINYML_FULLY_CONNECTED_S8_H
#define TINYML_FULLY_CONNECTED_S8_H

#include "tinyml_channels.h"

typedef struct {
    int32_t rows, input_channels, output_channels;
    const int8_t *weights; /* [output channel][input channel], -128 to 127 */
    tinyml_channels to;
} tinyml_fully_connected_s8_params;

/* input: int8 [rows][input_channels]; output: int8 [rows][output_channels], apart from the input. */
void tinyml_fully_connected_s8(const tinyml_fully_connected_s8_params *params, const int8_t *input,
                               int8_t *output);

#endif
