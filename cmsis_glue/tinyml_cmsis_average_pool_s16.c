#include "tinyml_cmsis_average_pool_s16.h"

void tinyml_cmsis_average_pool_s16(const tinyml_cmsis_average_pool_s16_params *params, const int16_t *input,
                                   int16_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    (void)arm_avgpool_s16(&context, &params->window, &params->input, input, &params->filter, &params->output,
                          output);
}

int32_t tinyml_cmsis_average_pool_s16_scratch(const tinyml_cmsis_average_pool_s16_params *params)
{
    return arm_avgpool_s16_get_buffer_size(params->output.w, params->input.c);
}
