#include "tinyml_cmsis_max_pool_s16.h"

void tinyml_cmsis_max_pool_s16(const tinyml_cmsis_max_pool_s16_params *params, const int16_t *input,
                               int16_t *output)
{
    const cmsis_nn_context context = tinyml_cmsis_context(NULL);
    (void)arm_max_pool_s16(&context, &params->window, &params->input, input, &params->filter, &params->output,
                           output);
}
