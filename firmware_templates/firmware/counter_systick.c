/* SysTick on the core's clock: it counts 24 bits down, and its interrupt counts how often it began anew. */
#include "board.h"
#include "counter.h"

typedef struct {
    volatile uint32_t control, reload, value;
} systick;

#define SYSTICK ((systick *)BOARD_COUNTER_BASE)
#define COUNT_WITH_INTERRUPT 7u /* enabled, interrupt, the core's clock */
#define PERIOD 0x1000000u

void SysTick_Handler(void);

static volatile uint32_t periods;

void SysTick_Handler(void)
{
    ++periods;
}

void counter_start(void)
{
    SYSTICK->control = 0;
    SYSTICK->reload = PERIOD - 1u;
    SYSTICK->value = 0; /* whatever is written; the count begins at the reload */
    periods = 0;
    SYSTICK->control = COUNT_WITH_INTERRUPT;
}

uint32_t counter_ticks(void)
{
    uint32_t before, value;
    do { /* a period may end between two reads */
        before = periods;
        value = SYSTICK->value;
    } while (before != periods);
    return before * PERIOD + (PERIOD - 1u - value);
}
