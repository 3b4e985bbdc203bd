/* PRELU, int16: a negative value is multiplied by its alpha. */
#ifndef TINYML_PRELU_S16_H
#define TINYML_PRELU_S16_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
    int32_t input_zero_point, alpha_zero_point, output_zero_point; /* -128 to 127; 0 but alpha's */
    int32_t multiplier, shift;                                     /* of values from 0 on; shift -31 to 15 */
    int32_t alpha_multiplier, alpha_shift;                         /* of products with alpha; likewise */
} tinyml_prelu_s16_params;

/* first: int16, second: int8, broadcast to the output; it may be the first if that is not repeated. */
void tinyml_prelu_s16(const tinyml_prelu_s16_params *params, const int16_t *first, const int8_t *second,
                      int16_t *output);

#endif
