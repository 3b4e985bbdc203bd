#include "tinyml_arg_max_s8.h"

static int32_t place_of_greatest(const int8_t *values, int32_t size, int32_t step)
{
    int32_t place = 0;
    int8_t greatest = values[0];
    for (int32_t i = 1; i < size; ++i) {
        values += step;
        if (*values > greatest) {
            greatest = *values;
            place = i;
        }
    }
    return place;
}

void tinyml_arg_max_s8(const tinyml_arg_max_s8_params *params, const int8_t *input, int32_t *output)
{
    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t inner = 0; inner < params->inner; ++inner) {
            *output++ = place_of_greatest(input + inner, params->size, params->inner);
        }
        input += params->size * params->inner;
    }
}
