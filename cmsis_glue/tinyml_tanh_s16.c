#include "tinyml_tanh_s16.h"

#define BITS 8 /* of the argument, between two entries of the table */

static int16_t tanh_of(const tinyml_tanh_s16_params *params, int32_t input)
{
    const int32_t x = tinyml_sigmoid_argument(params, input);
    const int32_t size = x < 0 ? -x : x;
    const int32_t place = size >> BITS;
    int32_t result = (int32_t)0x7FFF << BITS; /* in 2^23 */
    if (place < 255) {
        result = tinyml_sigmoid_between(params, place, size & ((1 << BITS) - 1), BITS);
    }
    const int32_t half = (int32_t)1 << (BITS - 1);
    return (int16_t)((x >= 0 ? result + half : half - result - 1) >> BITS);
}

void tinyml_tanh_s16(const tinyml_tanh_s16_params *params, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        output[i] = tanh_of(params, input[i]);
    }
}
