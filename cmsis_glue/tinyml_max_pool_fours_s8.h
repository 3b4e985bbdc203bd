/* MAX_POOL_2D, int8, four channels at a time. */
#ifndef TINYML_MAX_POOL_FOURS_S8_H
#define TINYML_MAX_POOL_FOURS_S8_H

#include "tinyml_fours.h"

/* The channels are a multiple of 4. */
typedef tinyml_pool tinyml_max_pool_fours_s8_params;

/*
 * input: int8 [batches][input_height][input_width][channels];
 * output: int8 [batches][output_height][output_width][channels]. Pixel by pixel, four channels are read, then
 * written: the output may lie on input that is no longer needed.
 */
void tinyml_max_pool_fours_s8(const tinyml_max_pool_fours_s8_params *params, const int8_t *input,
                                  int8_t *output);

#endif
