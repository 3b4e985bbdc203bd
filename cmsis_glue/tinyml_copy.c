#include "tinyml_copy.h"

#include <string.h>

/* memcpy, without the cost of a call for one element. */
static void copy_bytes(uint8_t *to, const uint8_t *from, int32_t bytes)
{
    if (bytes > 4) {
        memcpy(to, from, (size_t)bytes);
        return;
    }
    for (int32_t i = 0; i < bytes; ++i) {
        to[i] = from[i];
    }
}

void tinyml_copy(const tinyml_copy_params *params, const void *input, void *output)
{
    const tinyml_axis *inner = tinyml_innermost(&params->axes);
    tinyml_walk walk = {params->input_start, params->output_start, {0}};
    do {
        const uint8_t *from = (const uint8_t *)input + walk.first;
        uint8_t *to = (uint8_t *)output + walk.second;
        for (int32_t i = 0; i < inner->size; ++i) {
            copy_bytes(to + i * inner->second, from + i * inner->first, params->bytes);
        }
    } while (tinyml_step(&params->axes, &walk));
}
