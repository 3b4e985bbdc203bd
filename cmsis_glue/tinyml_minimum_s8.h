/* MINIMUM, int8, of raw values of any shapes. */
#ifndef TINYML_MINIMUM_S8_H
#define TINYML_MINIMUM_S8_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
} tinyml_minimum_s8_params;

/* Operands: int8 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_minimum_s8(const tinyml_minimum_s8_params *params, const int8_t *first, const int8_t *second,
                       int8_t *output);

#endif
