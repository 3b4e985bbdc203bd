/* L2_NORMALIZATION over the last dimension, int8, output scale 1/128 and zero point 0. */
#ifndef TINYML_L2_NORMALIZATION_S8_H
#define TINYML_L2_NORMALIZATION_S8_H

#include "tinyml_math.h"

typedef struct {
    int32_t rows, channels;   /* channels at most 2^15 */
    int32_t input_zero_point; /* -128 to 127 */
} tinyml_l2_normalization_s8_params;

/* Both int8 [rows][channels]; the output may be the input. */
void tinyml_l2_normalization_s8(const tinyml_l2_normalization_s8_params *params, const int8_t *input,
                                int8_t *output);

#endif
