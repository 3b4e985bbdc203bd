#include "tinyml_cmsis_max_pool_s8.h"

void tinyml_cmsis_max_pool_s8(const tinyml_cmsis_max_pool_s8_params *params, const int8_t *input,
                              int8_t *output)
{
    const cmsis_nn_context context = tinyml_cmsis_context(NULL);
    (void)arm_max_pool_s8(&context, &params->window, &params->input, input, &params->filter, &params->output,
                          output);
}
