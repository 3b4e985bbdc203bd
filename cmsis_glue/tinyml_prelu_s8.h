/* PRELU, int8: a negative value is multiplied by its alpha. */
#ifndef TINYML_PRELU_S8_H
#define TINYML_PRELU_S8_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
    int32_t input_zero_point, alpha_zero_point, output_zero_point; /* -128 to 127 */
    int32_t multiplier, shift;                                     /* of values from 0 on; shift -31 to 15 */
    int32_t alpha_multiplier, alpha_shift;                         /* of products with alpha; likewise */
} tinyml_prelu_s8_params;

/* Operands: int8 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_prelu_s8(const tinyml_prelu_s8_params *params, const int8_t *first, const int8_t *second,
                     int8_t *output);

#endif
