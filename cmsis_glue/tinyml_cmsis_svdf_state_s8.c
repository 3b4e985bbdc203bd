#include "tinyml_cmsis_svdf_state_s8.h"

/* Bytes of the sums of all filters; behind them lie those of all units. */
static int32_t filter_sums(const tinyml_cmsis_svdf_state_s8_params *params)
{
    return params->input.n * params->features.n * (int32_t)sizeof(int32_t);
}

void tinyml_cmsis_svdf_state_s8(const tinyml_cmsis_svdf_state_s8_params *params, const int8_t *input,
                                int8_t *state, int8_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = {(int32_t *)params->sums, 0};
    const cmsis_nn_context filters = tinyml_cmsis_context(scratch);
    const cmsis_nn_context units = tinyml_cmsis_context(scratch + filter_sums(params));
    (void)arm_svdf_s8(&context, &filters, &units, &params->layer, &params->to_state, &params->to_output,
                      &params->input, input, &params->state, state, &params->features, params->feature_weights,
                      &params->times, params->time_weights, &params->bias_size, params->bias, &params->output,
                      output);
}

int32_t tinyml_cmsis_svdf_state_s8_scratch(const tinyml_cmsis_svdf_state_s8_params *params)
{
    return filter_sums(params) + params->input.n * params->output.h * (int32_t)sizeof(int32_t);
}
