/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8. */
#ifndef TINYML_LSTM_S8_H
#define TINYML_LSTM_S8_H

#include "tinyml_lstm.h"

typedef struct {
    tinyml_lstm layer;
    const int32_t *bias[TINYML_LSTM_GATES];           /* [unit], with the input's zero point folded in */
    const int32_t *recurrent_bias[TINYML_LSTM_GATES]; /* [unit]: the hidden state's zero point */
} tinyml_lstm_s8_params;

/*
 * input: int8 rows of inputs; output: int8 rows of units, apart from the input; hidden: int8, cell: int16,
 * both [batch][units], what the step before left, and then the last step's.
 */
void tinyml_lstm_s8(const tinyml_lstm_s8_params *params, const int8_t *input, int8_t *hidden,
                    int16_t *cell, int8_t *output);

#endif
