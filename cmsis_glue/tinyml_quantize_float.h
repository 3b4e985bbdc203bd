/* QUANTIZE from float32. */
#ifndef TINYML_QUANTIZE_FLOAT_H
#define TINYML_QUANTIZE_FLOAT_H

#include "tinyml_float.h"
#include "tinyml_integers.h"
#include "tinyml_math.h"

typedef struct {
    int32_t elements;
    int32_t output_type; /* int8 or int16, as in tinyml_integers.h */
    int32_t zero_point;  /* of that type */
    int32_t low, high;   /* likewise */
    const float *scale;  /* [1], positive */
} tinyml_quantize_float_params;

/* [elements]; apart from each other. Beyond the output's range its nearest value, for NaN the least. */
void tinyml_quantize_float(const tinyml_quantize_float_params *params, const float *input, void *output);

#endif
