#include "tinyml_batch_matmul_s8.h"

static int8_t element(const tinyml_batch_matmul_s8_params *p, const int8_t *row, const int8_t *column)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < p->depth; ++k) {
        sum += (row[k * p->left_depth] - p->left_zero_point) *
               (column[k * p->right_depth] - p->right_zero_point);
    }
    const int32_t scaled = tinyml_requantize(sum, p->multiplier, p->shift) + p->output_zero_point;
    return (int8_t)tinyml_clamp(scaled, INT8_MIN, INT8_MAX);
}

static int8_t *multiply(const tinyml_batch_matmul_s8_params *p, const int8_t *left, const int8_t *right,
                        int8_t *output)
{
    for (int32_t row = 0; row < p->rows; ++row) {
        for (int32_t column = 0; column < p->columns; ++column) {
            *output++ = element(p, left + row * p->left_row, right + column * p->right_column);
        }
    }
    return output;
}

void tinyml_batch_matmul_s8(const tinyml_batch_matmul_s8_params *params, const int8_t *left,
                            const int8_t *right, int8_t *output)
{
    const tinyml_axis *inner = tinyml_innermost(&params->batches);
    tinyml_walk walk = {0, 0, {0}};
    do {
        for (int32_t i = 0; i < inner->size; ++i) {
            output = multiply(params, left + walk.first + i * inner->first,
                              right + walk.second + i * inner->second, output);
        }
    } while (tinyml_step(&params->batches, &walk));
}
