/* FULLY_CONNECTED, int8, per tensor or per channel, for cores without DSP instructions: four channels a pass. */
#ifndef TINYML_FULLY_CONNECTED_BLOCKED_S8_H
#define TINYML_FULLY_CONNECTED_BLOCKED_S8_H

#include <stdint.h>

/*
 * The stream of constants holds for every four channels, the last of which may be dummies,
 *
 *     the sums' starts, as in tinyml_conv_blocked_s8.h
 *     weights, int8: for every two inputs both of the first pair of channels (the first input's two, then the
 *         second's), then of the second pair; zeros up to a multiple of four inputs
 *     the constants of requantization of the one pair and of the other, as there
 */
typedef struct {
    int32_t rows, input_channels, output_channels;
    const int32_t *stream;
} tinyml_fully_connected_blocked_s8_params;

/*
 * input: int8 [rows][input_channels];
 * output: int8 [rows][output_channels]
 */
void tinyml_fully_connected_blocked_s8(const tinyml_fully_connected_blocked_s8_params *params, const int8_t *input,
                                       int8_t *output);

#endif
