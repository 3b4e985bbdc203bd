#ifndef TINYML_COUNTER_H
#define TINYML_COUNTER_H

#include <stdint.h>

void counter_init(void);
uint32_t counter_ticks(void); /* counts up, wraps at 2^32 */

#endif
