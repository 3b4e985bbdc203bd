#include "tinyml_softmax_s8_s16.h"

void tinyml_softmax_s8_s16(const tinyml_softmax_s8_s16_params *params, const int8_t *input, int16_t *output)
{
    for (int32_t r = 0; r < params->rows; ++r) {
        const tinyml_softmax_row row = tinyml_softmax_row_of(params, input);
        for (int32_t i = 0; i < params->classes; ++i) {
            const int32_t share = tinyml_softmax_share(params, &row, *input++, 16);
            *output++ = (int16_t)tinyml_clamp(share + INT16_MIN, INT16_MIN, INT16_MAX);
        }
    }
}
