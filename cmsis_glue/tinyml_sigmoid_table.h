/*
 * Half of a sigmoid as a table, for LOGISTIC and TANH in int16: entry i is 2^16 times sigmoid(i / 24), less
 * 2^15. Between entries the value is interpolated.
 */
#ifndef TINYML_SIGMOID_TABLE_H
#define TINYML_SIGMOID_TABLE_H

#include <stdint.h>

typedef struct {
    int32_t elements;
    int32_t multiplier;   /* 0 to 32767, of an input to 1/(3 * 4096) */
    int32_t right_shift;  /* 0 to 31, after it, rounded */
    const int16_t *table; /* [256], 0 to 32767, rising */
} tinyml_sigmoid_table;

/* An input in units of 1/(3 * 4096). */
static inline int32_t tinyml_sigmoid_argument(const tinyml_sigmoid_table *p, int32_t input)
{
    const int32_t half = p->right_shift > 0 ? (int32_t)(1u << (p->right_shift - 1)) : 0;
    return (input * p->multiplier + half) >> p->right_shift;
}

/* Interpolates at `place` entries and `part` of 2^bits beyond; in 2^(16 + bits) of the sigmoid, less half. */
static inline int32_t tinyml_sigmoid_between(const tinyml_sigmoid_table *p, int32_t place, int32_t part,
                                             int32_t bits)
{
    const int32_t here = p->table[place];
    return here * ((int32_t)1 << bits) + part * (p->table[place + 1] - here);
}

#endif
