#include "tinyml_svdf_state_s16.h"

/* Appends a value to a filter's state and weighs it over time. Sums wrap, as in TFLM. */
static uint32_t filter(int16_t *state, const int16_t *weights, int32_t memory, int32_t newest)
{
    const int32_t last = memory - 1;
    uint32_t sum = 0;
    for (int32_t t = 0; t < last; ++t) {
        const int16_t value = state[t + 1];
        state[t] = value;
        sum += (uint32_t)((int32_t)weights[t] * value);
    }
    state[last] = (int16_t)tinyml_clamp(newest, INT16_MIN, INT16_MAX);
    return sum + (uint32_t)((int32_t)weights[last] * state[last]);
}

void tinyml_svdf_state_s16(const tinyml_svdf_state_s16_params *params, const int8_t *input, int16_t *state,
                           int8_t *output)
{
    const tinyml_svdf *layer = &params->layer;
    for (int32_t row = 0; row < layer->rows; ++row) {
        const int16_t *weights = params->time_weights;
        for (int32_t unit = 0; unit < layer->units; ++unit) {
            uint32_t sum = (uint32_t)layer->bias[unit];
            for (int32_t k = unit * layer->rank; k < (unit + 1) * layer->rank; ++k) {
                sum += filter(state, weights, layer->memory, tinyml_svdf_newest(layer, input, k));
                state += layer->memory;
                weights += layer->memory;
            }
            *output++ = tinyml_svdf_output(layer, sum);
        }
        input += layer->inputs;
    }
}
