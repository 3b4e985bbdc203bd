/*
 * Two operands that are repeated to one shape. Neighbouring dimensions that behave alike are one; the last
 * of those is a run, in which an operand goes on by one element or stays where it is.
 */
#ifndef TINYML_BROADCAST_H
#define TINYML_BROADCAST_H

#include <stdint.h>

typedef struct {
    int32_t runs, length;            /* the output is [runs][length], both at least 1 */
    int32_t first_step, second_step; /* 0 or 1: of an operand within a run */
    int32_t dimensions;              /* of the runs; 0 when there is one run */
    const int32_t *outer;            /* [dimensions][3], the last one first: size, stride of each operand */
} tinyml_broadcast;

/* The element of operand 0 or 1 at which a run starts. */
static inline int32_t tinyml_broadcast_start(const tinyml_broadcast *at, int32_t run, int32_t operand)
{
    int32_t start = 0;
    for (int32_t d = 0; d < at->dimensions; ++d) {
        const int32_t *dimension = at->outer + 3 * d;
        start += run % dimension[0] * dimension[1 + operand];
        run /= dimension[0];
    }
    return start;
}

#endif
