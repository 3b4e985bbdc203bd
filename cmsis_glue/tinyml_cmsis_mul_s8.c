#include "tinyml_cmsis_mul_s8.h"

void tinyml_cmsis_mul_s8(const tinyml_cmsis_mul_s8_params *params, const int8_t *first, const int8_t *second,
                         int8_t *output)
{
    (void)arm_elementwise_mul_s8(first, second, -params->first_zero_point, -params->second_zero_point, output,
                                 params->output_zero_point, params->multiplier, params->shift,
                                 params->activation_min, params->activation_max, params->elements);
}
