#include "tinyml_cmsis_conv_s8.h"

void tinyml_cmsis_conv_s8(const tinyml_cmsis_conv_s8_params *params, const int8_t *input, int8_t *output,
                          int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    const cmsis_nn_per_channel_quant_params quant = tinyml_cmsis_quant(&params->to);
    (void)arm_convolve_wrapper_s8(&context, &params->window, &quant, &params->input, input, &params->filter,
                                  params->weights, &params->bias_size, params->bias, &params->output, output);
}

int32_t tinyml_cmsis_conv_s8_scratch(const tinyml_cmsis_conv_s8_params *params)
{
    return arm_convolve_wrapper_s8_get_buffer_size(&params->window, &params->input, &params->filter,
                                                   &params->output);
}
