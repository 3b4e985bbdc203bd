/* ARG_MAX over one dimension, int8 to int32. */
#ifndef TINYML_ARG_MAX_S8_H
#define TINYML_ARG_MAX_S8_H

#include <stdint.h>

typedef struct {
    int32_t outer, size, inner; /* each at least 1 */
} tinyml_arg_max_s8_params;

/*
 * input: int8 [outer][size][inner];
 * output: int32 [outer][inner], the first place of the greatest value; apart from the input.
 */
void tinyml_arg_max_s8(const tinyml_arg_max_s8_params *params, const int8_t *input, int32_t *output);

#endif
