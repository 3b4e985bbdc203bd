/* ADD and SUB, int16, of operands of any shapes. */
#ifndef TINYML_SUM_S16_H
#define TINYML_SUM_S16_H

#include "tinyml_sum.h"

typedef tinyml_sum tinyml_sum_s16_params;

/* Operands: int16 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_sum_s16(const tinyml_sum_s16_params *params, const int16_t *first, const int16_t *second,
                    int16_t *output);

#endif
