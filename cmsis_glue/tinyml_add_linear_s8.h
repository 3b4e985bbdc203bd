/* ADD and SUB, int8, of two tensors of one shape, by a linear function that was proven at export. */
#ifndef TINYML_ADD_LINEAR_S8_H
#define TINYML_ADD_LINEAR_S8_H

#include "tinyml_math.h"

#define TINYML_ADD_LINEAR_SHIFT 22 /* that of the fast loop */

/* output = saturate((first * a + second * b + c) >> shift); the sum fits int32 for all operands. */
typedef struct {
    int32_t elements;
    int32_t a, b, c;
    int32_t shift; /* TINYML_ADD_LINEAR_SHIFT where that is possible; 0 to 31 */
} tinyml_add_linear_s8_params;

/* All int8 [elements]; the output may be one of the inputs. */
void tinyml_add_linear_s8(const tinyml_add_linear_s8_params *params, const int8_t *first, const int8_t *second,
                          int8_t *output);

#endif
