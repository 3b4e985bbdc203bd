#include "tinyml_cmsis_average_pool_s8.h"

void tinyml_cmsis_average_pool_s8(const tinyml_cmsis_average_pool_s8_params *params, const int8_t *input,
                                  int8_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    (void)arm_avgpool_s8(&context, &params->window, &params->input, input, &params->filter, &params->output,
                         output);
}

int32_t tinyml_cmsis_average_pool_s8_scratch(const tinyml_cmsis_average_pool_s8_params *params)
{
    return arm_avgpool_s8_get_buffer_size(params->output.w, params->input.c);
}
