#include "tinyml_cmsis_fully_connected_s8.h"

void tinyml_cmsis_fully_connected_s8(const tinyml_cmsis_fully_connected_s8_params *params, const int8_t *input,
                                     int8_t *output)
{
    const cmsis_nn_context context = {(int32_t *)params->sums, 0};
    const cmsis_nn_quant_params quant = {(int32_t *)params->to.multipliers, (int32_t *)params->to.shifts,
                                         params->per_channel};
    (void)arm_fully_connected_wrapper_s8(&context, &params->layer, &quant, &params->input, input,
                                         &params->filter, params->weights, &params->bias_size, params->bias,
                                         &params->output, output);
}
