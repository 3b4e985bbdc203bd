#include "tinyml_cast_to_float.h"

void tinyml_cast_to_float(const tinyml_cast_to_float_params *params, const void *input, float *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        output[i] = (float)tinyml_load_integer(input, params->input_type, i);
    }
}
