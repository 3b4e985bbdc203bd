#include "tinyml_logistic_s16.h"

#define BITS 9 /* of the argument, between two entries of the table */

static int16_t logistic(const tinyml_logistic_s16_params *params, int32_t input)
{
    const int32_t x = tinyml_sigmoid_argument(params, input);
    const int32_t size = x < 0 ? -x : x;
    const int32_t place = size >> BITS;
    int32_t above = (int32_t)0x3FFF << (BITS + 1); /* the sigmoid less a half, in 2^25 */
    if (place < 255) {
        above = tinyml_sigmoid_between(params, place, size & ((1 << BITS) - 1), BITS);
    }
    const int32_t half = (int32_t)1 << (BITS + 15);
    return (int16_t)((x >= 0 ? half + above + (1 << BITS) : half - above + (1 << BITS) - 1) >> (BITS + 1));
}

void tinyml_logistic_s16(const tinyml_logistic_s16_params *params, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        output[i] = logistic(params, input[i]);
    }
}
