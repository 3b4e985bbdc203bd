/* MAX_POOL_2D, int8. */
#ifndef TINYML_MAX_POOL_S8_H
#define TINYML_MAX_POOL_S8_H

#include "tinyml_pool.h"

typedef tinyml_pool tinyml_max_pool_s8_params;

/*
 * input: int8 [batches][input_height][input_width][channels];
 * output: int8 [batches][output_height][output_width][channels].
 * Output elements are written in order, each after its window has been read, so that the output may cover
 * input elements that no later output element needs.
 */
void tinyml_max_pool_s8(const tinyml_max_pool_s8_params *params, const int8_t *input, int8_t *output);

#endif
