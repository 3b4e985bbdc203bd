/* DEQUANTIZE to float32. */
#ifndef TINYML_DEQUANTIZE_H
#define TINYML_DEQUANTIZE_H

#include "tinyml_integers.h"

typedef struct {
    int32_t elements;
    int32_t input_type; /* int8, uint8 or int16, as in tinyml_integers.h */
    int32_t zero_point; /* of that type */
    const float *scale; /* [1], positive */
} tinyml_dequantize_params;

/* [elements]; apart from each other. */
void tinyml_dequantize(const tinyml_dequantize_params *params, const void *input, float *output);

#endif
