#include "tinyml_cast_from_float.h"

void tinyml_cast_from_float(const tinyml_cast_from_float_params *params, const float *input, void *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        const int32_t value = tinyml_clamp(tinyml_truncate(input[i]), params->low, params->high);
        tinyml_store_integer(output, params->output_type, i, value);
    }
}
