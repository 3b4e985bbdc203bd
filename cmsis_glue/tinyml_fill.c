#include "tinyml_fill.h"

#include <string.h>

void tinyml_fill(const tinyml_fill_params *params, void *output)
{
    const size_t bytes = (size_t)params->bytes;
    uint8_t *to = output;
    if (bytes == 1) {
        memset(to, *(const uint8_t *)params->value, (size_t)params->elements);
        return;
    }
    for (int32_t i = 0; i < params->elements; ++i) {
        memcpy(to, params->value, bytes);
        to += bytes;
    }
}
