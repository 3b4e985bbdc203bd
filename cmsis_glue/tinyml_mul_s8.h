/* MUL, int8, of operands of any shapes. */
#ifndef TINYML_MUL_S8_H
#define TINYML_MUL_S8_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
    int32_t first_zero_point, second_zero_point, output_zero_point; /* -128 to 127 */
    int32_t multiplier, shift;                                      /* shift -31 to 15 */
    int32_t activation_min, activation_max;
} tinyml_mul_s8_params;

/* Operands: int8 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_mul_s8(const tinyml_mul_s8_params *params, const int8_t *first, const int8_t *second,
                   int8_t *output);

#endif
