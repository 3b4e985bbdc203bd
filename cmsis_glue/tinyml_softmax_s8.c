#include "tinyml_softmax_s8.h"

void tinyml_softmax_s8(const tinyml_softmax_s8_params *params, const int8_t *input, int8_t *output)
{
    for (int32_t r = 0; r < params->rows; ++r) {
        const tinyml_softmax_row row = tinyml_softmax_row_of(params, input);
        for (int32_t i = 0; i < params->classes; ++i) {
            const int32_t share = tinyml_softmax_share(params, &row, *input++, 8);
            *output++ = (int8_t)tinyml_clamp(share + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
