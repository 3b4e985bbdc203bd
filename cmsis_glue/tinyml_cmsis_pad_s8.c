#include "tinyml_cmsis_pad_s8.h"

void tinyml_cmsis_pad_s8(const tinyml_cmsis_pad_s8_params *params, const int8_t *input, int8_t *output)
{
    (void)arm_pad_s8(input, output, (int8_t)params->value, &params->input, &params->before, &params->after);
}
