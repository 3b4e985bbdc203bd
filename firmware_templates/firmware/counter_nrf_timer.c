/* Timer of Nordic's nRF51 and nRF52: 32 bits, counts up at 16 MHz, which is the clock of an nRF51's core. */
#include "board.h"
#include "counter.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_COUNTER_BASE + (offset)))
#define TASK_START REGISTER(0x000u)
#define TASK_STOP REGISTER(0x004u)
#define TASK_CLEAR REGISTER(0x00cu)
#define TASK_CAPTURE REGISTER(0x040u)
#define MODE REGISTER(0x504u)
#define BIT_MODE REGISTER(0x508u)
#define PRESCALER REGISTER(0x510u)
#define CAPTURED REGISTER(0x540u)

#define MODE_TIMER 0u
#define BITS_32 3u

void counter_start(void)
{
    TASK_STOP = 1;
    MODE = MODE_TIMER;
    BIT_MODE = BITS_32;
    PRESCALER = 0;
    TASK_CLEAR = 1;
    TASK_START = 1;
}

uint32_t counter_ticks(void)
{
    TASK_CAPTURE = 1;
    return CAPTURED;
}
