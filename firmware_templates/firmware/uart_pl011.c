/* Arm PrimeCell UART (PL011), which RP2040 and others have: 8 data bits, 1 stop bit, no parity, polled. */
#include "board.h"
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_UART_BASE + (offset)))
#define DATA REGISTER(0x000u)
#define FLAGS REGISTER(0x018u)
#define DIVIDER REGISTER(0x024u)
#define DIVIDER_64THS REGISTER(0x028u)
#define LINE_CONTROL REGISTER(0x02cu)
#define CONTROL REGISTER(0x030u)

#define FLAG_RECEIVE_EMPTY (1u << 4)
#define FLAG_TRANSMIT_FULL (1u << 5)
#define LINE_FIFOS (1u << 4)
#define LINE_8_BITS (3u << 5)
#define CONTROL_ENABLE (1u << 0)
#define CONTROL_TRANSMIT (1u << 8)
#define CONTROL_RECEIVE (1u << 9)
#define DIVIDER_IN_64THS ((BOARD_UART_CLOCK_HZ * 4u + BOARD_UART_BAUD / 2u) / BOARD_UART_BAUD) /* 16 samples a bit */

void uart_init(void)
{
    CONTROL = 0;
    DIVIDER = DIVIDER_IN_64THS / 64u;
    DIVIDER_64THS = DIVIDER_IN_64THS % 64u;
    LINE_CONTROL = LINE_8_BITS | LINE_FIFOS; /* last: this takes the dividers over */
    CONTROL = CONTROL_ENABLE | CONTROL_TRANSMIT | CONTROL_RECEIVE;
}

uint8_t uart_read(void)
{
    while (FLAGS & FLAG_RECEIVE_EMPTY) {
    }
    return (uint8_t)DATA;
}

void uart_write(uint8_t byte)
{
    while (FLAGS & FLAG_TRANSMIT_FULL) {
    }
    DATA = byte;
}
