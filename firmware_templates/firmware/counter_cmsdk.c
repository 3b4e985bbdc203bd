/* Timer of Arm's Cortex-M System Design Kit (MPS2 boards): 32 bits, counts down at 25 MHz. */
#include "board.h"
#include "counter.h"

typedef struct {
    volatile uint32_t control, value, reload;
} cmsdk_timer;

#define TIMER ((cmsdk_timer *)BOARD_COUNTER_BASE)

void counter_start(void)
{
    TIMER->control = 0u;
    TIMER->reload = 0xffffffffu;
    TIMER->value = 0xffffffffu;
    TIMER->control = 1u;
}

uint32_t counter_ticks(void)
{
    return ~TIMER->value;
}
