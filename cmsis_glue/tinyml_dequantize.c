#include "tinyml_dequantize.h"

void tinyml_dequantize(const tinyml_dequantize_params *params, const void *input, float *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        const int32_t x = tinyml_load_integer(input, params->input_type, i) - params->zero_point;
        /* TFLM multiplies in double; |x| < 2^17, so a single rounding gives the same float. */
        output[i] = *params->scale * (float)x;
    }
}
