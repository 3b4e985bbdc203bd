#include "tinyml_cmsis_softmax_s8.h"

void tinyml_cmsis_softmax_s8(const tinyml_cmsis_softmax_s8_params *params, const int8_t *input, int8_t *output)
{
    arm_softmax_s8(input, params->rows, params->classes, params->multiplier, params->left_shift,
                   params->least_difference, output);
}
