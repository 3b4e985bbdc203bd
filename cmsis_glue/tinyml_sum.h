/*
 * The sum of two quantized values as TFLite computes it: both are scaled to twice the larger scale, added,
 * and scaled to the output.
 */
#ifndef TINYML_SUM_H
#define TINYML_SUM_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
    int32_t headroom;                                           /* left shift of both, 15 or 20 */
    int32_t first_zero_point, first_multiplier, first_shift;    /* shift 0 or less */
    int32_t second_zero_point, second_multiplier, second_shift; /* shift 0 or less */
    int32_t second_sign;                                        /* 1 to add, -1 to subtract */
    int32_t output_zero_point, output_multiplier, output_shift; /* shift 0 or less */
    int32_t activation_min, activation_max;
} tinyml_sum;

/* a and b: int8 or int16 values; answers with one. */
static inline int32_t tinyml_sum_of(const tinyml_sum *p, int32_t a, int32_t b)
{
    const int32_t unit = (int32_t)1 << p->headroom;
    const int32_t first =
        tinyml_requantize((a - p->first_zero_point) * unit, p->first_multiplier, p->first_shift);
    const int32_t second =
        tinyml_requantize((b - p->second_zero_point) * unit, p->second_multiplier, p->second_shift);
    const int32_t total = first + p->second_sign * second;
    const int32_t scaled =
        tinyml_requantize(total, p->output_multiplier, p->output_shift) + p->output_zero_point;
    return tinyml_clamp(scaled, p->activation_min, p->activation_max);
}

#endif
