/* BATCH_MATMUL, int8: matrix products, either side transposed or used again for several batches. */
#ifndef TINYML_BATCH_MATMUL_S8_H
#define TINYML_BATCH_MATMUL_S8_H

#include "tinyml_axes.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_axes batches;              /* first: strides of the left side, second: of the right */
    int32_t rows, depth, columns;     /* (rows x depth) times (depth x columns); depth <= 2^15 */
    int32_t left_row, left_depth;     /* strides of the left side's matrices */
    int32_t right_depth, right_column; /* strides of the right side's matrices */
    int32_t left_zero_point, right_zero_point, output_zero_point; /* -128 to 127 */
    int32_t multiplier, shift;        /* 0 or in [2^30, 2^31); -31 to 30 */
} tinyml_batch_matmul_s8_params;

/* output: int8 [batches][rows][columns], apart from both inputs. Strides count elements. */
void tinyml_batch_matmul_s8(const tinyml_batch_matmul_s8_params *params, const int8_t *left,
                            const int8_t *right, int8_t *output);

#endif
