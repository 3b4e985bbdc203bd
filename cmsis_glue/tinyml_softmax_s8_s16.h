/* SOFTMAX over the last dimension, int8 to int16, output scale 1/65536 and zero point -32768. */
#ifndef TINYML_SOFTMAX_S8_S16_H
#define TINYML_SOFTMAX_S8_S16_H

#include "tinyml_softmax.h"

typedef tinyml_softmax tinyml_softmax_s8_s16_params;

/* input: int8 [rows][classes]; output: int16 [rows][classes], apart from each other. */
void tinyml_softmax_s8_s16(const tinyml_softmax_s8_s16_params *params, const int8_t *input, int16_t *output);

#endif
