/*
 * What SVDF's kernels share: the newest value of a filter, and a unit's output. The state of a filter is its
 * last `memory` values, the newest last.
 */
#ifndef TINYML_SVDF_H
#define TINYML_SVDF_H

#include "tinyml_dot.h"
#include "tinyml_math.h"

typedef struct {
    int32_t rows, inputs, units; /* inputs below 2^15 */
    int32_t rank;                /* filters that make a unit */
    int32_t memory;
    const int8_t *feature_weights; /* [unit][rank][input] */
    const int32_t *feature_bias;   /* [unit][rank]: the input's zero point, folded in */
    const int32_t *bias;           /* [unit] */
    int32_t state_multiplier;      /* 0 or in [2^30, 2^31) */
    int32_t state_shift;           /* -31 to 30 */
    int32_t state_zero_point;      /* int16: 0; int8: -128 to 127 */
    int32_t output_multiplier;     /* 0 or in [2^30, 2^31) */
    int32_t output_shift;          /* -31 to 30 */
    int32_t output_zero_point;     /* -128 to 127 */
} tinyml_svdf;

/* The newest value of a filter, less the state's zero point and not clamped. */
static inline int32_t tinyml_svdf_newest(const tinyml_svdf *layer, const int8_t *input, int32_t filter)
{
    const int8_t *weights = layer->feature_weights + filter * layer->inputs;
    const int32_t sum = tinyml_dot(layer->feature_bias[filter], weights, input, layer->inputs);
    return tinyml_requantize(sum, layer->state_multiplier, layer->state_shift);
}

/* A unit's output from the sum of its filters over time and its bias. */
static inline int8_t tinyml_svdf_output(const tinyml_svdf *layer, uint32_t sum)
{
    const int32_t scaled = tinyml_requantize((int32_t)sum, layer->output_multiplier, layer->output_shift);
    return (int8_t)tinyml_clamp(scaled + layer->output_zero_point, INT8_MIN, INT8_MAX);
}

#endif
