/* QUANTIZE from one integer type to another. */
#ifndef TINYML_QUANTIZE_INTEGER_H
#define TINYML_QUANTIZE_INTEGER_H

#include "tinyml_integers.h"
#include "tinyml_math.h"

typedef struct {
    int32_t elements;
    int32_t input_type, output_type;             /* as in tinyml_integers.h */
    int32_t input_zero_point, output_zero_point; /* 0 for int32 */
    int32_t multiplier, shift;                   /* shift -31 to 15 */
    int32_t low, high;                           /* of the output's type */
} tinyml_quantize_integer_params;

/* [elements] of the two types; the output may be the input when both have one size. */
void tinyml_quantize_integer(const tinyml_quantize_integer_params *params, const void *input, void *output);

#endif
