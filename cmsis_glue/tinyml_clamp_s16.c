#include "tinyml_clamp_s16.h"

void tinyml_clamp_s16(const tinyml_clamp_s16_params *params, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        output[i] = (int16_t)tinyml_clamp(input[i], params->low, params->high);
    }
}
