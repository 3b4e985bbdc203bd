/* Any function of one int8 value, as a table. */
#ifndef TINYML_LOOKUP_S8_H
#define TINYML_LOOKUP_S8_H

#include <stdint.h>

typedef struct {
    int32_t elements;
    const int8_t *table; /* [256]: the results of -128 to 127 */
} tinyml_lookup_s8_params;

/* Both int8 [elements]; the output may be the input. */
void tinyml_lookup_s8(const tinyml_lookup_s8_params *params, const int8_t *input, int8_t *output);

#endif
