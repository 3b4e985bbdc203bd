/* SOFTMAX over the last dimension, int8, output scale 1/256 and zero point -128. */
#ifndef TINYML_SOFTMAX_S8_H
#define TINYML_SOFTMAX_S8_H

#include "tinyml_softmax.h"

typedef tinyml_softmax tinyml_softmax_s8_params;

/* Both int8 [rows][classes]; the output may be the input. */
void tinyml_softmax_s8(const tinyml_softmax_s8_params *params, const int8_t *input, int8_t *output);

#endif
