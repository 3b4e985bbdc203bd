/* MEAN over height and width, int8. */
#ifndef TINYML_MEAN_S8_H
#define TINYML_MEAN_S8_H

#include "tinyml_math.h"

typedef struct {
    int32_t pixels, channels;
    int32_t offset;     /* -input zero point * pixels */
    int32_t multiplier; /* 0 to 2^31 - 1; 1 / pixels is part of it */
    int32_t shift;      /* -31 to 30 */
    int32_t output_zero_point;
} tinyml_mean_s8_params;

/* input: int8 [pixels][channels], pixels < 2^23; output: int8 [channels], apart from the input. */
void tinyml_mean_s8(const tinyml_mean_s8_params *params, const int8_t *input, int8_t *output);

#endif
