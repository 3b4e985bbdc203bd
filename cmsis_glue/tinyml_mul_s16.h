/* MUL, int16, of operands of any shapes. */
#ifndef TINYML_MUL_S16_H
#define TINYML_MUL_S16_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
    int32_t first_zero_point, second_zero_point, output_zero_point; /* 0 */
    int32_t multiplier, shift;                                      /* shift -31 to 15 */
    int32_t activation_min, activation_max;
} tinyml_mul_s16_params;

/* Operands: int16 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_mul_s16(const tinyml_mul_s16_params *params, const int16_t *first, const int16_t *second,
                    int16_t *output);

#endif
