/* SOFTMAX, int16: arm_softmax_s16. */
#ifndef TINYML_CMSIS_SOFTMAX_S16_H
#define TINYML_CMSIS_SOFTMAX_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    int32_t rows, classes;
    int32_t multiplier, shift;
    const int16_t *exponential; /* [513], exp(x) in Q0.15 for x from -10 to 0 */
    const int16_t *reciprocal;  /* [513], 1 / (1 + x) in Q0.15 for x from 0 to 1 */
} tinyml_cmsis_softmax_s16_params;

/* input, output: int16 [rows][classes], apart. */
void tinyml_cmsis_softmax_s16(const tinyml_cmsis_softmax_s16_params *params, const int16_t *input,
                              int16_t *output);

#endif
