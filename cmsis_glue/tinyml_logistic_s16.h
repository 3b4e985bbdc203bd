/* LOGISTIC, int16 to int16 with scale 2^-15. */
#ifndef TINYML_LOGISTIC_S16_H
#define TINYML_LOGISTIC_S16_H

#include "tinyml_sigmoid_table.h"

typedef tinyml_sigmoid_table tinyml_logistic_s16_params;

/* Both int16 [elements]; the output may be the input. */
void tinyml_logistic_s16(const tinyml_logistic_s16_params *params, const int16_t *input, int16_t *output);

#endif
