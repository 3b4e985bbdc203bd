/* Cycle counter of the data watchpoint and trace unit: 32 bits, counts the core's cycles. Armv6-M has none. */
#include "board.h"
#include "counter.h"

#define DWT_CONTROL (*(volatile uint32_t *)BOARD_COUNTER_BASE)
#define DWT_CYCLES (*(volatile uint32_t *)(BOARD_COUNTER_BASE + 0x004u))
#define DWT_LOCK (*(volatile uint32_t *)(BOARD_COUNTER_BASE + 0xfb0u))
#define DEBUG_CONTROL (*(volatile uint32_t *)0xe000edfcu) /* DEMCR */

#define TRACE_ENABLE (1u << 24)
#define COUNT_CYCLES 1u
#define UNLOCK 0xc5acce55u /* Cortex-M7 locks its DWT; others ignore this */

void counter_start(void)
{
    DEBUG_CONTROL |= TRACE_ENABLE;
    DWT_LOCK = UNLOCK;
    DWT_CONTROL |= COUNT_CYCLES;
    DWT_CYCLES = 0;
}

uint32_t counter_ticks(void)
{
    return DWT_CYCLES;
}
