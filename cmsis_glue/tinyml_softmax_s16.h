/* SOFTMAX over the last dimension, int16 with zero points 0, output scale 2^-15. */
#ifndef TINYML_SOFTMAX_S16_H
#define TINYML_SOFTMAX_S16_H

#include "tinyml_math.h"

typedef struct {
    int32_t rows, classes;      /* classes < 2^16 */
    int32_t multiplier, shift;  /* of a difference to the row's maximum, to 10 / 65535; shift -31 to 15 */
    const int16_t *exponential; /* [513]: exp(x) for x from -10 to 0 */
    const int16_t *reciprocal;  /* [513]: 1 / (1 + x) for x from 0 to 1 */
} tinyml_softmax_s16_params;

/* Both int16 [rows][classes]; the output may be the input. */
void tinyml_softmax_s16(const tinyml_softmax_s16_params *params, const int16_t *input, int16_t *output);

#endif
