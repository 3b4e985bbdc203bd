/* SVDF, int8 with a state of int8. */
#ifndef TINYML_SVDF_STATE_S8_H
#define TINYML_SVDF_STATE_S8_H

#include "tinyml_svdf.h"

typedef struct {
    tinyml_svdf layer;
    const int8_t *time_weights; /* [unit][rank][memory] */
} tinyml_svdf_state_s8_params;

/*
 * input: int8 [rows][inputs]; state: int8 [rows][unit][rank][memory], whose oldest values make way for new
 * ones; output: int8 [rows][units], apart from the input.
 */
void tinyml_svdf_state_s8(const tinyml_svdf_state_s8_params *params, const int8_t *input, int8_t *state,
                         int8_t *output);

#endif
