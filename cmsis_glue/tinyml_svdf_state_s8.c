#include "tinyml_svdf_state_s8.h"

#include <string.h>

/* Appends a value to a filter's state, where the zero point may wrap as in TFLM, and weighs it over time. */
static uint32_t filter(int8_t *state, const int8_t *weights, const tinyml_svdf *layer, int32_t newest)
{
    const int32_t zero_point = layer->state_zero_point;
    memmove(state, state + 1, (size_t)(layer->memory - 1) * sizeof *state);
    state[layer->memory - 1] = (int8_t)(uint8_t)(tinyml_clamp(newest, INT8_MIN, INT8_MAX) + zero_point);
    uint32_t sum = 0;
    for (int32_t t = 0; t < layer->memory; ++t) {
        sum += (uint32_t)((int32_t)weights[t] * (state[t] - zero_point));
    }
    return sum;
}

void tinyml_svdf_state_s8(const tinyml_svdf_state_s8_params *params, const int8_t *input, int8_t *state,
                          int8_t *output)
{
    const tinyml_svdf *layer = &params->layer;
    for (int32_t row = 0; row < layer->rows; ++row) {
        const int8_t *weights = params->time_weights;
        for (int32_t unit = 0; unit < layer->units; ++unit) {
            uint32_t sum = (uint32_t)layer->bias[unit];
            for (int32_t k = unit * layer->rank; k < (unit + 1) * layer->rank; ++k) {
                sum += filter(state, weights, layer, tinyml_svdf_newest(layer, input, k));
                state += layer->memory;
                weights += layer->memory;
            }
            *output++ = tinyml_svdf_output(layer, sum);
        }
        input += layer->inputs;
    }
}
