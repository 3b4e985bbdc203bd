/* GATHER: picks slices along one axis, elements of any type. */
#ifndef TINYML_GATHER_H
#define TINYML_GATHER_H

#include <stdint.h>

typedef struct {
    int32_t batches; /* leading dimensions that input and indices share */
    int32_t outer;   /* between these and the axis */
    int32_t size;    /* of the axis */
    int32_t picks;   /* indices a batch */
    int32_t bytes;   /* of one slice */
} tinyml_gather_params;

/*
 * input: [batches][outer][size] slices; indices: [batches][picks], one outside 0 to size - 1 counts as the
 * nearest inside; output: [batches][outer][picks] slices, apart from the input.
 */
void tinyml_gather(const tinyml_gather_params *params, const void *input, const int32_t *indices,
                   void *output);

#endif
