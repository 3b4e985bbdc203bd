#include "tinyml_cmsis_add_s16.h"

void tinyml_cmsis_add_s16(const tinyml_cmsis_add_s16_params *params, const int16_t *first,
                          const int16_t *second, int16_t *output)
{
    (void)arm_elementwise_add_s16(first, second, -params->first_zero_point, params->first_multiplier,
                                  params->first_shift, -params->second_zero_point, params->second_multiplier,
                                  params->second_shift, params->headroom, output, params->output_zero_point,
                                  params->output_multiplier, params->output_shift, params->activation_min,
                                  params->activation_max, params->elements);
}
