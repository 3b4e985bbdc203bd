/* ADD and SUB, int8, of operands of any shapes. */
#ifndef TINYML_SUM_S8_H
#define TINYML_SUM_S8_H

#include "tinyml_sum.h"

typedef tinyml_sum tinyml_sum_s8_params;

/* Operands: int8 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_sum_s8(const tinyml_sum_s8_params *params, const int8_t *first, const int8_t *second,
                   int8_t *output);

#endif
