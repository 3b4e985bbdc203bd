#include "tinyml_cmsis_mul_s16.h"

void tinyml_cmsis_mul_s16(const tinyml_cmsis_mul_s16_params *params, const int16_t *first,
                          const int16_t *second, int16_t *output)
{
    (void)arm_elementwise_mul_s16(first, second, -params->first_zero_point, -params->second_zero_point, output,
                                  params->output_zero_point, params->multiplier, params->shift,
                                  params->activation_min, params->activation_max, params->elements);
}
