#include "tinyml_fully_connected_s16.h"

void tinyml_fully_connected_s16(const tinyml_fully_connected_s16_params *params, const int16_t *input,
                                int16_t *output)
{
    const int32_t length = params->input_channels;
    for (int32_t row = 0; row < params->rows; ++row) {
        for (int32_t channel = 0; channel < params->output_channels; ++channel) {
            const int64_t sum = tinyml_products_s16(input, params->weights + channel * length, length);
            *output++ = tinyml_channel_output_s16(&params->to, channel, sum);
        }
        input += length;
    }
}
