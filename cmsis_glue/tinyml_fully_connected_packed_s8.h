/* FULLY_CONNECTED, int8, per tensor or per channel, with packed weights. */
#ifndef TINYML_FULLY_CONNECTED_PACKED_S8_H
#define TINYML_FULLY_CONNECTED_PACKED_S8_H

#include "tinyml_packed.h"

/*
 * Weights are packed, and proven to fit, as tinyml_conv_packed_s8.h says. Four channels go together: the stream
 * holds the starts of two pairs, their words in turn, then the constants of the one and of the other; zeros for
 * channels beyond the last.
 */
typedef struct {
    int32_t rows, input_channels, output_channels;
    const int32_t *stream;
} tinyml_fully_connected_packed_s8_params;

/*
 * input: int8 [rows][input_channels];
 * output: int8 [rows][output_channels]; a row is read before any of it is written, so the output may cover input
 * rows up to the one at hand;
 * scratch: 2 * input_channels bytes, these rounded up to a multiple of 4.
 */
void tinyml_fully_connected_packed_s8(const tinyml_fully_connected_packed_s8_params *params, const int8_t *input,
                                      int8_t *output, int8_t *scratch);

#endif
