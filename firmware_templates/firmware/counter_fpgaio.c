/* Counter of the FPGA's system control (MPS3 boards): 32 bits, counts up with the board's clock. */
#include "board.h"
#include "counter.h"

typedef struct {
    volatile uint32_t counter, prescale;
} fpgaio_counter;

#define COUNTER ((fpgaio_counter *)(BOARD_COUNTER_BASE + 0x18u))

void counter_start(void)
{
    COUNTER->prescale = 0u;
    COUNTER->counter = 0u;
}

uint32_t counter_ticks(void)
{
    return COUNTER->counter;
}
