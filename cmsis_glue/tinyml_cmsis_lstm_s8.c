#include "tinyml_cmsis_lstm_s8.h"

/* Bytes of one of the two buffers for gates. */
static int32_t gates(const tinyml_cmsis_lstm_s8_params *params)
{
    return params->layer.batch_size * params->layer.hidden_size * (int32_t)sizeof(int16_t);
}

void tinyml_cmsis_lstm_s8(const tinyml_cmsis_lstm_s8_params *params, const int8_t *input, int8_t *hidden,
                          int16_t *cell, int8_t *output, int8_t *scratch)
{
    cmsis_nn_lstm_context buffers = {scratch, scratch + gates(params), cell, hidden};
    (void)arm_lstm_unidirectional_s8(input, output, &params->layer, &buffers);
}

int32_t tinyml_cmsis_lstm_s8_scratch(const tinyml_cmsis_lstm_s8_params *params)
{
    return 2 * gates(params);
}
