#include "tinyml_cast_integer.h"

void tinyml_cast_integer(const tinyml_cast_integer_params *params, const void *input, void *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        tinyml_store_integer(output, params->output_type, i,
                             tinyml_load_integer(input, params->input_type, i));
    }
}
