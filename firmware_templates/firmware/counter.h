#ifndef TINYML_COUNTER_H
#define TINYML_COUNTER_H

#include <stdint.h>

/* Starts counting from 0: a start and a read always give the same count for the same instructions. */
void counter_start(void);
uint32_t counter_ticks(void); /* since the start, wraps at 2^32 */

#endif
