/*
 * What LSTM's kernels share: sizes, and the step from a unit's gates to its cell and hidden state. Gates are
 * in the order forget, input, output, cell; their sums are int16 in units of 2^-12.
 */
#ifndef TINYML_LSTM_H
#define TINYML_LSTM_H

#include "tinyml_logistic_s16.h"
#include "tinyml_math.h"
#include "tinyml_tanh_s16.h"

#define TINYML_LSTM_GATES 4

typedef struct {
    int32_t multiplier; /* 0 or in [2^30, 2^31) */
    int32_t shift;      /* -31 to 30 */
} tinyml_lstm_factor;

typedef struct {
    const int8_t *weights;           /* [unit][input] */
    const int8_t *recurrent_weights; /* [unit][unit] */
    tinyml_lstm_factor input, recurrent;
} tinyml_lstm_gate;

typedef struct {
    int32_t batch, steps, inputs, units;
    int32_t batch_stride, step_stride; /* in rows of inputs or units */
    tinyml_lstm_gate gates[TINYML_LSTM_GATES];
    tinyml_logistic_s16_params sigmoid;          /* of the first three gates */
    tinyml_tanh_s16_params gate_tanh, cell_tanh; /* of one value */
    tinyml_lstm_factor keep;   /* forget gate times cell, to the cell's scale; below 1 */
    tinyml_lstm_factor renew;  /* input gate times cell gate, likewise; at most 2 */
    tinyml_lstm_factor show;   /* output gate times tanh(cell), to the hidden state's scale; at most 1 */
    int32_t hidden_zero_point; /* int8: -128 to 127; int16: 0 */
    int32_t cell_clip;         /* 0 to 32767, or -1 for no bound */
} tinyml_lstm;

/* a * b * factor, clamped to int16. */
static inline int32_t tinyml_lstm_product(int16_t a, int16_t b, tinyml_lstm_factor factor)
{
    const int32_t scaled = tinyml_requantize((int32_t)a * b, factor.multiplier, factor.shift);
    return tinyml_clamp(scaled, INT16_MIN, INT16_MAX);
}

/* The sum of two int32, clamped to int16 each and together. */
static inline int16_t tinyml_lstm_sum(int32_t a, int32_t b)
{
    const int32_t first = tinyml_clamp(a, INT16_MIN, INT16_MAX);
    const int32_t second = tinyml_clamp(b, INT16_MIN, INT16_MAX);
    return (int16_t)tinyml_clamp(first + second, INT16_MIN, INT16_MAX);
}

/* Advances a unit's cell by its gates' sums, which are overwritten; its new hidden state, not clamped. */
static inline int32_t tinyml_lstm_advance(const tinyml_lstm *layer, int16_t *gates, int16_t *cell)
{
    int16_t shown;
    tinyml_logistic_s16(&layer->sigmoid, gates, gates);
    tinyml_tanh_s16(&layer->gate_tanh, gates + 3, gates + 3);
    *cell = tinyml_lstm_sum(tinyml_lstm_product(gates[0], *cell, layer->keep),
                            tinyml_lstm_product(gates[1], gates[3], layer->renew));
    if (layer->cell_clip >= 0) {
        *cell = (int16_t)tinyml_clamp(*cell, -layer->cell_clip, layer->cell_clip);
    }
    tinyml_tanh_s16(&layer->cell_tanh, cell, &shown);
    return tinyml_requantize((int32_t)shown * gates[2], layer->show.multiplier, layer->show.shift) +
           layer->hidden_zero_point;
}

#endif
