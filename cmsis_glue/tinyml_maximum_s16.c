#include "tinyml_maximum_s16.h"

void tinyml_maximum_s16(const tinyml_maximum_s16_params *params, const int16_t *first, const int16_t *second,
                        int16_t *output)
{
    const tinyml_broadcast *at = &params->broadcast;
    for (int32_t run = 0; run < at->runs; ++run) {
        const int16_t *a = first + tinyml_broadcast_start(at, run, 0);
        const int16_t *b = second + tinyml_broadcast_start(at, run, 1);
        for (int32_t i = 0; i < at->length; ++i) {
            *output++ = (int16_t)tinyml_max(*a, *b);
            a += at->first_step;
            b += at->second_step;
        }
    }
}
