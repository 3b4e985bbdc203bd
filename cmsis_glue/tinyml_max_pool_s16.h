/* MAX_POOL_2D, int16. */
#ifndef TINYML_MAX_POOL_S16_H
#define TINYML_MAX_POOL_S16_H

#include "tinyml_pool.h"

typedef tinyml_pool tinyml_max_pool_s16_params;

/*
 * input: int16 [batches][input_height][input_width][channels];
 * output: int16 [batches][output_height][output_width][channels].
 * Output elements are written in order, each after its window has been read, so that the output may cover
 * input elements that no later output element needs.
 */
void tinyml_max_pool_s16(const tinyml_max_pool_s16_params *params, const int16_t *input, int16_t *output);

#endif
