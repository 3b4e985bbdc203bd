#include "tinyml_lstm_s16.h"

#include "tinyml_channels_s16.h"

#include <string.h>

static int64_t dot(int64_t sum, const int8_t *weights, const int16_t *values, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        sum += (int32_t)weights[i] * values[i];
    }
    return sum;
}

/* A gate of a unit before its activation. */
static int16_t gate_sum(const tinyml_lstm_s16_params *params, int32_t index, int32_t unit,
                        const int16_t *input, const int16_t *hidden)
{
    const tinyml_lstm *layer = &params->layer;
    const tinyml_lstm_gate *gate = &layer->gates[index];
    const int64_t now =
        dot(params->bias[index][unit], gate->weights + unit * layer->inputs, input, layer->inputs);
    const int64_t past = dot(0, gate->recurrent_weights + unit * layer->units, hidden, layer->units);
    return tinyml_lstm_sum(
        tinyml_requantize_wide(now, gate->input.multiplier, gate->input.shift),
        tinyml_requantize_wide(past, gate->recurrent.multiplier, gate->recurrent.shift));
}

/* One step of one sample; the output is the next hidden state. */
static void step(const tinyml_lstm_s16_params *params, const int16_t *input, const int16_t *hidden,
                 int16_t *cell, int16_t *output)
{
    for (int32_t unit = 0; unit < params->layer.units; ++unit) {
        int16_t gates[TINYML_LSTM_GATES];
        for (int32_t index = 0; index < TINYML_LSTM_GATES; ++index) {
            gates[index] = gate_sum(params, index, unit, input, hidden);
        }
        const int32_t next = tinyml_lstm_advance(&params->layer, gates, cell + unit);
        output[unit] = (int16_t)tinyml_clamp(next, INT16_MIN, INT16_MAX);
    }
}

void tinyml_lstm_s16(const tinyml_lstm_s16_params *params, const int16_t *input, int16_t *hidden,
                     int16_t *cell, int16_t *output)
{
    const tinyml_lstm *layer = &params->layer;
    for (int32_t b = 0; b < layer->batch; ++b) {
        for (int32_t t = 0; t < layer->steps; ++t) {
            const int32_t row = b * layer->batch_stride + t * layer->step_stride;
            int16_t *next = output + row * layer->units;
            step(params, input + row * layer->inputs, hidden, cell, next);
            memcpy(hidden, next, (size_t)layer->units * sizeof *next);
        }
        hidden += layer->units;
        cell += layer->units;
    }
}
