/*
 * Loops over dimensions, each with a stride of its own in two arrays.
 */
#ifndef TINYML_AXES_H
#define TINYML_AXES_H

#include <stdint.h>

#define TINYML_MOST_AXES 6

typedef struct {
    int32_t size;          /* at least 1 */
    int32_t first, second; /* from one place to the next in the first and the second array; any sign */
} tinyml_axis;

typedef struct {
    int32_t count; /* 1 to TINYML_MOST_AXES; the last is the innermost */
    tinyml_axis axis[TINYML_MOST_AXES];
} tinyml_axes;

/* Where a loop over axes stands: offsets into both arrays, and the place along each axis. */
typedef struct {
    int32_t first, second;
    int32_t place[TINYML_MOST_AXES];
} tinyml_walk;

/* Steps over all axes but the last, which is the caller's own loop. 0 when all places were visited. */
static inline int tinyml_step(const tinyml_axes *axes, tinyml_walk *walk)
{
    for (int32_t i = axes->count - 2; i >= 0; --i) {
        const tinyml_axis *axis = &axes->axis[i];
        walk->first += axis->first;
        walk->second += axis->second;
        if (++walk->place[i] < axis->size) {
            return 1;
        }
        walk->first -= axis->size * axis->first;
        walk->second -= axis->size * axis->second;
        walk->place[i] = 0;
    }
    return 0;
}

static inline const tinyml_axis *tinyml_innermost(const tinyml_axes *axes)
{
    return &axes->axis[axes->count - 1];
}

#endif
