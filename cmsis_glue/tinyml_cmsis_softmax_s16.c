#include "tinyml_cmsis_softmax_s16.h"

void tinyml_cmsis_softmax_s16(const tinyml_cmsis_softmax_s16_params *params, const int16_t *input,
                              int16_t *output)
{
    const cmsis_nn_softmax_lut_s16 tables = {params->exponential, params->reciprocal};
    (void)arm_softmax_s16(input, params->rows, params->classes, params->multiplier, params->shift, &tables,
                          output);
}
