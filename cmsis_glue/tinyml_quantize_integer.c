#include "tinyml_quantize_integer.h"

void tinyml_quantize_integer(const tinyml_quantize_integer_params *params, const void *input, void *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        const int32_t x = tinyml_load_integer(input, params->input_type, i) - params->input_zero_point;
        /* A large int32 wraps here as in TFLM. */
        const uint32_t scaled = (uint32_t)tinyml_requantize(x, params->multiplier, params->shift);
        const int32_t value = (int32_t)(scaled + (uint32_t)params->output_zero_point);
        tinyml_store_integer(output, params->output_type, i, tinyml_clamp(value, params->low, params->high));
    }
}
