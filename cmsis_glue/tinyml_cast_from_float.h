/* CAST from float32 to an integer type. */
#ifndef TINYML_CAST_FROM_FLOAT_H
#define TINYML_CAST_FROM_FLOAT_H

#include "tinyml_float.h"
#include "tinyml_integers.h"
#include "tinyml_math.h"

typedef struct {
    int32_t elements;
    int32_t output_type; /* as in tinyml_integers.h */
    int32_t low, high;   /* of that type */
} tinyml_cast_from_float_params;

/* [elements]; apart from each other. Beyond the output's range its nearest value, for NaN 0. */
void tinyml_cast_from_float(const tinyml_cast_from_float_params *params, const float *input, void *output);

#endif
