#include "tinyml_maximum_s8.h"

void tinyml_maximum_s8(const tinyml_maximum_s8_params *params, const int8_t *first, const int8_t *second,
                       int8_t *output)
{
    const tinyml_broadcast *at = &params->broadcast;
    for (int32_t run = 0; run < at->runs; ++run) {
        const int8_t *a = first + tinyml_broadcast_start(at, run, 0);
        const int8_t *b = second + tinyml_broadcast_start(at, run, 1);
        for (int32_t i = 0; i < at->length; ++i) {
            *output++ = (int8_t)tinyml_max(*a, *b);
            a += at->first_step;
            b += at->second_step;
        }
    }
}
