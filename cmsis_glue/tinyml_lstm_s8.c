#include "tinyml_lstm_s8.h"

#include "tinyml_dot.h"

#include <string.h>

/* A gate of a unit before its activation. */
static int16_t gate_sum(const tinyml_lstm_s8_params *params, int32_t index, int32_t unit, const int8_t *input,
                        const int8_t *hidden)
{
    const tinyml_lstm *layer = &params->layer;
    const tinyml_lstm_gate *gate = &layer->gates[index];
    const int32_t now =
        tinyml_dot(params->bias[index][unit], gate->weights + unit * layer->inputs, input, layer->inputs);
    const int32_t past = tinyml_dot(params->recurrent_bias[index][unit],
                                    gate->recurrent_weights + unit * layer->units, hidden, layer->units);
    return tinyml_lstm_sum(tinyml_requantize(now, gate->input.multiplier, gate->input.shift),
                           tinyml_requantize(past, gate->recurrent.multiplier, gate->recurrent.shift));
}

/* One step of one sample; the output is the next hidden state. */
static void step(const tinyml_lstm_s8_params *params, const int8_t *input, const int8_t *hidden,
                 int16_t *cell, int8_t *output)
{
    for (int32_t unit = 0; unit < params->layer.units; ++unit) {
        int16_t gates[TINYML_LSTM_GATES];
        for (int32_t index = 0; index < TINYML_LSTM_GATES; ++index) {
            gates[index] = gate_sum(params, index, unit, input, hidden);
        }
        const int32_t next = tinyml_lstm_advance(&params->layer, gates, cell + unit);
        output[unit] = (int8_t)tinyml_clamp(next, INT8_MIN, INT8_MAX);
    }
}

void tinyml_lstm_s8(const tinyml_lstm_s8_params *params, const int8_t *input, int8_t *hidden,
                    int16_t *cell, int8_t *output)
{
    const tinyml_lstm *layer = &params->layer;
    for (int32_t b = 0; b < layer->batch; ++b) {
        for (int32_t t = 0; t < layer->steps; ++t) {
            const int32_t row = b * layer->batch_stride + t * layer->step_stride;
            int8_t *next = output + row * layer->units;
            step(params, input + row * layer->inputs, hidden, cell, next);
            memcpy(hidden, next, (size_t)layer->units);
        }
        hidden += layer->units;
        cell += layer->units;
    }
}
