/* MEAN over neighbouring dimensions before the last, int8, four elements of the last at a time. */
#ifndef TINYML_MEAN_FOURS_S8_H
#define TINYML_MEAN_FOURS_S8_H

#include "tinyml_fours.h"

typedef struct {
    int32_t outer;    /* means of pixels, each at least 1 */
    int32_t pixels;   /* that a mean is taken of: 1 to TINYML_MOST_FOURS */
    int32_t channels; /* a multiple of 4 */
    int32_t offset;   /* -input zero point * pixels */
    int32_t multiplier, shift; /* of tinyml_requantize; 1 / pixels is part of them */
    int32_t output_zero_point;
} tinyml_mean_fours_s8_params;

/* input: int8 [outer][pixels][channels]; output: int8 [outer][channels], apart from the input. */
void tinyml_mean_fours_s8(const tinyml_mean_fours_s8_params *params, const int8_t *input, int8_t *output);

#endif
