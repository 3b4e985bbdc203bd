#include "tinyml_cmsis_depthwise_conv_s16.h"

void tinyml_cmsis_depthwise_conv_s16(const tinyml_cmsis_depthwise_conv_s16_params *params, const int16_t *input,
                                     int16_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    const cmsis_nn_per_channel_quant_params quant = tinyml_cmsis_quant(&params->to);
    (void)arm_depthwise_conv_wrapper_s16(&context, &params->window, &quant, &params->input, input,
                                         &params->filter, params->weights, &params->bias_size, params->bias,
                                         &params->output, output);
}

int32_t tinyml_cmsis_depthwise_conv_s16_scratch(const tinyml_cmsis_depthwise_conv_s16_params *params)
{
    return arm_depthwise_conv_wrapper_s16_get_buffer_size(&params->window, &params->input, &params->filter,
                                                          &params->output);
}
