/* CONV_2D, int8, per channel, with weights as halfwords: twice the flash, an instruction in twelve less. */
#ifndef TINYML_CONV_HALVES_S8_H
#define TINYML_CONV_HALVES_S8_H

#include "tinyml_packed.h"

/*
 * Two words of weights hold two taps, 0 and 2 or 1 and 3 of every four: one of the pair's first channel, one of
 * its second. Each has its own sum; a proven channel's final shift is 3.
 */
typedef tinyml_packed tinyml_conv_halves_s8_params;

/* As tinyml_conv_packed_s8. */
void tinyml_conv_halves_s8(const tinyml_conv_halves_s8_params *params, const int8_t *input, int8_t *output,
                           int8_t *scratch);

#endif
