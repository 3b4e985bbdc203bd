#include "tinyml_cmsis_softmax_s8_s16.h"

void tinyml_cmsis_softmax_s8_s16(const tinyml_cmsis_softmax_s8_s16_params *params, const int8_t *input,
                                 int16_t *output)
{
    arm_softmax_s8_s16(input, params->rows, params->classes, params->multiplier, params->left_shift,
                       params->least_difference, output);
}
