#include "tinyml_cmsis_fully_connected_s16.h"

void tinyml_cmsis_fully_connected_s16(const tinyml_cmsis_fully_connected_s16_params *params,
                                      const int16_t *input, int16_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    (void)arm_fully_connected_s16(&context, &params->layer, &params->to, &params->input, input, &params->filter,
                                  params->weights, &params->bias_size, params->bias, &params->output, output);
}

int32_t tinyml_cmsis_fully_connected_s16_scratch(const tinyml_cmsis_fully_connected_s16_params *params)
{
    return arm_fully_connected_s16_get_buffer_size(&params->filter);
}
