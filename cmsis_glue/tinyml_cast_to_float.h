/* CAST from an integer type to float32. */
#ifndef TINYML_CAST_TO_FLOAT_H
#define TINYML_CAST_TO_FLOAT_H

#include "tinyml_integers.h"

typedef struct {
    int32_t elements;
    int32_t input_type; /* as in tinyml_integers.h */
} tinyml_cast_to_float_params;

/* [elements]; apart from each other. */
void tinyml_cast_to_float(const tinyml_cast_to_float_params *params, const void *input, float *output);

#endif
