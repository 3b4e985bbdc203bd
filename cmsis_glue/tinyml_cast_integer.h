/* CAST from one integer type to another: what does not fit wraps. */
#ifndef TINYML_CAST_INTEGER_H
#define TINYML_CAST_INTEGER_H

#include "tinyml_integers.h"

typedef struct {
    int32_t elements;
    int32_t input_type, output_type; /* as in tinyml_integers.h */
} tinyml_cast_integer_params;

/* [elements] of the two types; apart from each other. */
void tinyml_cast_integer(const tinyml_cast_integer_params *params, const void *input, void *output);

#endif
