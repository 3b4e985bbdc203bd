/* LOG_SOFTMAX over the last dimension, int8, output scale 1/16 and zero point 127. */
#ifndef TINYML_LOG_SOFTMAX_S8_H
#define TINYML_LOG_SOFTMAX_S8_H

#include "tinyml_math.h"

typedef struct {
    int32_t rows, classes;               /* classes < 2^12 */
    int32_t multiplier, left_shift;      /* of a difference to the row's maximum, to Q5.26; shift 2 to 30 */
    int32_t least_difference;            /* -256 to 0: smaller ones are left out of the sum */
    int32_t back_multiplier, back_shift; /* from Q5.26 to a difference; shift -31 to 0 */
} tinyml_log_softmax_s8_params;

/* Both int8 [rows][classes]; the output may be the input. */
void tinyml_log_softmax_s8(const tinyml_log_softmax_s8_params *params, const int8_t *input, int8_t *output);

#endif
