/* MAXIMUM, int16, of raw values of any shapes. */
#ifndef TINYML_MAXIMUM_S16_H
#define TINYML_MAXIMUM_S16_H

#include "tinyml_broadcast.h"
#include "tinyml_math.h"

typedef struct {
    tinyml_broadcast broadcast;
} tinyml_maximum_s16_params;

/* Operands: int16 that broadcast to the output; it may be one of them that is not repeated. */
void tinyml_maximum_s16(const tinyml_maximum_s16_params *params, const int16_t *first, const int16_t *second,
                        int16_t *output);

#endif
