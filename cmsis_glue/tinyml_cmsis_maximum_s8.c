#include "tinyml_cmsis_maximum_s8.h"

void tinyml_cmsis_maximum_s8(const tinyml_cmsis_maximum_s8_params *params, const int8_t *first,
                             const int8_t *second, int8_t *output)
{
    const cmsis_nn_context context = tinyml_cmsis_context(NULL);
    (void)arm_maximum_s8(&context, first, &params->first, second, &params->second, output, &params->output);
}
