/* RELU6, int16: raw values between two limits. */
#ifndef TINYML_CLAMP_S16_H
#define TINYML_CLAMP_S16_H

#include "tinyml_math.h"

typedef struct {
    int32_t elements;
    int32_t low, high; /* -32768 <= low <= high <= 32767 */
} tinyml_clamp_s16_params;

/* Both int16 [elements]; the output may be the input. */
void tinyml_clamp_s16(const tinyml_clamp_s16_params *params, const int16_t *input, int16_t *output);

#endif
