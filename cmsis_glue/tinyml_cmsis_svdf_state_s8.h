/* SVDF, int8 with a state of int8: arm_svdf_s8. */
#ifndef TINYML_CMSIS_SVDF_STATE_S8_H
#define TINYML_CMSIS_SVDF_STATE_S8_H

#include "tinyml_cmsis.h"

typedef struct {
    cmsis_nn_svdf_params layer; /* offsets: the zero points of input and output */
    cmsis_nn_per_tensor_quant_params to_state, to_output;
    cmsis_nn_dims input, state, features, times, bias_size, output; /* matrices, as n and h */
    const int8_t *feature_weights;                                  /* [filter][input] */
    const int8_t *time_weights;                                     /* [filter][memory] */
    const int32_t *bias;                                            /* [unit] */
    const int32_t *sums; /* [filter]: -zero point * sum of the weights, of use to Helium only, else NULL */
} tinyml_cmsis_svdf_state_s8_params;

/*
 * input: int8 [rows][inputs]; state: int8 [rows][filter][memory], whose zero point is 0 and whose oldest
 * values make way for new ones; output: int8 [rows][units], apart from the input; scratch: see tinyml_cmsis.h.
 */
void tinyml_cmsis_svdf_state_s8(const tinyml_cmsis_svdf_state_s8_params *params, const int8_t *input,
                                int8_t *state, int8_t *output, int8_t *scratch);
int32_t tinyml_cmsis_svdf_state_s8_scratch(const tinyml_cmsis_svdf_state_s8_params *params);

#endif
