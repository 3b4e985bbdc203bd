/* Sets every element of a tensor of any type to one value. */
#ifndef TINYML_FILL_H
#define TINYML_FILL_H

#include <stdint.h>

typedef struct {
    const void *value;
    int32_t bytes;    /* of an element, at least 1 */
    int32_t elements; /* at least 1 */
} tinyml_fill_params;

/* output: elements * bytes bytes. */
void tinyml_fill(const tinyml_fill_params *params, void *output);

#endif
