/* ADD, int8, of two tensors of one shape. */
#ifndef TINYML_ADD_S8_H
#define TINYML_ADD_S8_H

#include "tinyml_math.h"

typedef struct {
    int32_t elements;
    int32_t first_zero_point, first_multiplier, first_shift;    /* shift 0 or less */
    int32_t second_zero_point, second_multiplier, second_shift; /* shift 0 or less */
    int32_t output_zero_point, output_multiplier, output_shift; /* shift 0 or less */
    int32_t activation_min, activation_max;
} tinyml_add_s8_params;

/* All int8 [elements]; the output may be one of the inputs. */
void tinyml_add_s8(const tinyml_add_s8_params *params, const int8_t *first, const int8_t *second,
                   int8_t *output);

#endif
