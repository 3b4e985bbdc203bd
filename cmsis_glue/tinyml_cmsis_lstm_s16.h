/* UNIDIRECTIONAL_SEQUENCE_LSTM, int16: arm_lstm_unidirectional_s16. */
#ifndef TINYML_CMSIS_LSTM_S16_H
#define TINYML_CMSIS_LSTM_S16_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_lstm_params layer; /* biases hold what zero points add to them; cell_clip is 1 to 32767 */
} tinyml_cmsis_lstm_s16_params;

/*
 * input: int16 rows of inputs; output: int16 rows of units, apart from the input; hidden: int16, cell: int16,
 * both [batch][units], what the step before left, and then the last step's; scratch: see tinyml_cmsis.h.
 */
void tinyml_cmsis_lstm_s16(const tinyml_cmsis_lstm_s16_params *params, const int16_t *input, int16_t *hidden,
                           int16_t *cell, int16_t *output, int8_t *scratch);
int32_t tinyml_cmsis_lstm_s16_scratch(const tinyml_cmsis_lstm_s16_params *params);

#endif
