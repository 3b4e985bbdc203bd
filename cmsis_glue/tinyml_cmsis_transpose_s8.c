#include "tinyml_cmsis_transpose_s8.h"

void tinyml_cmsis_transpose_s8(const tinyml_cmsis_transpose_s8_params *params, const int8_t *input,
                               int8_t *output)
{
    const cmsis_nn_transpose_params order = {params->dimensions, params->order};
    (void)arm_transpose_s8(input, output, &params->input, &params->output, &order);
}
