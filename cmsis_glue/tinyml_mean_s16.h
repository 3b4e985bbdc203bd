/* MEAN over any dimensions, int16. */
#ifndef TINYML_MEAN_S16_H
#define TINYML_MEAN_S16_H

#include "tinyml_axes.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_axes kept;    /* first: the input's strides, second: the output's */
    tinyml_axes reduced; /* first: the input's strides; fewer than 2^15 elements */
    int32_t offset;      /* -input zero point * reduced elements */
    int32_t multiplier;  /* 0 to 2^31 - 1; 1 / reduced elements is part of it */
    int32_t shift;       /* -31 to 30 */
    int32_t output_zero_point;
} tinyml_mean_s16_params;

/* Both int16; the output lies apart from the input. */
void tinyml_mean_s16(const tinyml_mean_s16_params *params, const int16_t *input, int16_t *output);

#endif
