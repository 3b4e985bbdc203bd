#include "tinyml_gather.h"

#include <string.h>

#include "tinyml_math.h"

void tinyml_gather(const tinyml_gather_params *params, const void *input, const int32_t *indices,
                   void *output)
{
    const uint8_t *from = input;
    uint8_t *to = output;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t outer = 0; outer < params->outer; ++outer) {
            for (int32_t pick = 0; pick < params->picks; ++pick) {
                const int32_t index = tinyml_clamp(indices[pick], 0, params->size - 1);
                memcpy(to, from + index * params->bytes, (size_t)params->bytes);
                to += params->bytes;
            }
            from += params->size * params->bytes;
        }
        indices += params->picks;
    }
}
