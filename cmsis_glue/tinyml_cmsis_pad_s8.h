/* PAD of int8, up to 4 dimensions: arm_pad_s8. */
#ifndef TINYML_CMSIS_PAD_S8_H
#define TINYML_CMSIS_PAD_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_dims input, before, after;
    int32_t value; /* of the border, -128 to 127 */
} tinyml_cmsis_pad_s8_params;

/* input: int8 as the sizes say; output: int8, larger by what is before and after, apart from the input. */
void tinyml_cmsis_pad_s8(const tinyml_cmsis_pad_s8_params *params, const int8_t *input, int8_t *output);

#endif
