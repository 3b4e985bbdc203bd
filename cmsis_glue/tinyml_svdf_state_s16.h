/* SVDF, int8 with a state of int16. */
#ifndef TINYML_SVDF_STATE_S16_H
#define TINYML_SVDF_STATE_S16_H

#include "tinyml_svdf.h"

typedef struct {
    tinyml_svdf layer;
    const int16_t *time_weights; /* [unit][rank][memory] */
} tinyml_svdf_state_s16_params;

/*
 * input: int8 [rows][inputs]; state: int16 [rows][unit][rank][memory], whose oldest values make way for new
 * ones; output: int8 [rows][units], apart from the input.
 */
void tinyml_svdf_state_s16(const tinyml_svdf_state_s16_params *params, const int8_t *input, int16_t *state,
                          int8_t *output);

#endif
