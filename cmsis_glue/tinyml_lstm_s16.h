/* UNIDIRECTIONAL_SEQUENCE_LSTM, int16 with int8 weights; all zero points are 0. */
#ifndef TINYML_LSTM_S16_H
#define TINYML_LSTM_S16_H

#include "tinyml_lstm.h"

typedef struct {
    tinyml_lstm layer; /* the gates' multipliers are 0 to 2^15 - 1, their shifts -31 to 7 */
    const int64_t *bias[TINYML_LSTM_GATES]; /* [unit], below 2^46 in size */
} tinyml_lstm_s16_params;

/*
 * input: int16 rows of inputs; output: int16 rows of units, apart from the input; hidden and cell: int16
 * [batch][units], what the step before left, and then the last step's.
 */
void tinyml_lstm_s16(const tinyml_lstm_s16_params *params, const int16_t *input, int16_t *hidden,
                     int16_t *cell, int16_t *output);

#endif
