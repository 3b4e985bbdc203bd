/* UART of Arm's Cortex-M System Design Kit (MPS2 boards), polled. */
#include "board.h"
#include "uart.h"

typedef struct {
    volatile uint32_t data, state, control, interrupt, baud_divider;
} cmsdk_uart;

#define UART ((cmsdk_uart *)BOARD_UART_BASE)
#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CONTROL_TX_RX 3u
#define BAUD_DIVIDER 217u /* 25 MHz / 115,200 */

void uart_init(void)
{
    UART->baud_divider = BAUD_DIVIDER;
    UART->control = CONTROL_TX_RX;
}

uint8_t uart_read(void)
{
    while (!(UART->state & STATE_RX_FULL)) {
    }
    return (uint8_t)UART->data;
}

void uart_write(uint8_t byte)
{
    while (UART->state & STATE_TX_FULL) {
    }
    UART->data = byte;
}
