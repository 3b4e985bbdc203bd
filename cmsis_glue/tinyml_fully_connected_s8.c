#include "tinyml_fully_connected_s8.h"

void tinyml_fully_connected_s8(const tinyml_fully_connected_s8_params *params, const int8_t *input,
                               int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        tinyml_channels_of(&params->to, params->weights, input, params->input_channels,
                           params->output_channels, output);
        input += params->input_channels;
        output += params->output_channels;
    }
}
