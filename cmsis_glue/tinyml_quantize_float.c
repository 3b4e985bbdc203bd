#include "tinyml_quantize_float.h"

/* Quotients beyond this are clamped, which no output can tell. */
#define LIMIT 1073741824.0f

static float clamped(float quotient)
{
    if (quotient > LIMIT) {
        return LIMIT;
    }
    return quotient > -LIMIT ? quotient : -LIMIT;
}

void tinyml_quantize_float(const tinyml_quantize_float_params *params, const float *input, void *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        const int32_t value = tinyml_round(clamped(input[i] / *params->scale)) + params->zero_point;
        tinyml_store_integer(output, params->output_type, i, tinyml_clamp(value, params->low, params->high));
    }
}
