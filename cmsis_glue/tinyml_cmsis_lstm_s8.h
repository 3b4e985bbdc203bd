/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8: arm_lstm_unidirectional_s8. */
#ifndef TINYML_CMSIS_LSTM_S8_H
#define TINYML_CMSIS_LSTM_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_lstm_params layer; /* biases hold what zero points add to them; cell_clip is 1 to 32767 */
} tinyml_cmsis_lstm_s8_params;

/*
 * input: int8 rows of inputs; output: int8 rows of units, apart from the input; hidden: int8, cell: int16,
 * both [batch][units], what the step before left, and then the last step's; scratch: see tinyml_cmsis.h.
 */
void tinyml_cmsis_lstm_s8(const tinyml_cmsis_lstm_s8_params *params, const int8_t *input, int8_t *hidden,
                          int16_t *cell, int8_t *output, int8_t *scratch);
int32_t tinyml_cmsis_lstm_s8_scratch(const tinyml_cmsis_lstm_s8_params *params);

#endif
