#include "tinyml_cmsis_transpose_conv_s8.h"

/* The first of two buffers; the second, for the turned filter, holds bytes. */
static int32_t first_buffer(const tinyml_cmsis_transpose_conv_s8_params *params)
{
    return arm_transpose_conv_s8_get_buffer_size(&params->window, &params->input, &params->filter,
                                                 &params->output);
}

void tinyml_cmsis_transpose_conv_s8(const tinyml_cmsis_transpose_conv_s8_params *params, const int8_t *input,
                                    int8_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    const cmsis_nn_context turned = tinyml_cmsis_context(scratch + first_buffer(params));
    const cmsis_nn_per_channel_quant_params quant = tinyml_cmsis_quant(&params->to);
    (void)arm_transpose_conv_wrapper_s8(&context, &turned, &params->window, &quant, &params->input, input,
                                        &params->filter, params->weights, &params->bias_size, params->bias,
                                        &params->output, output);
}

int32_t tinyml_cmsis_transpose_conv_s8_scratch(const tinyml_cmsis_transpose_conv_s8_params *params)
{
    return first_buffer(params) +
           arm_transpose_conv_s8_get_reverse_conv_buffer_size(&params->window, &params->input, &params->filter);
}
