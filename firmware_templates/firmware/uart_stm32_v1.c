/* USART of STM32 F1, F2, F4 and L1: 8 data bits, 1 stop bit, no parity, polled. */
#include "board.h"
#include "uart.h"

typedef struct {
    volatile uint32_t status, data, baud_divider, control_1;
} stm32_usart;

#define UART ((stm32_usart *)BOARD_UART_BASE)
#define STATUS_RECEIVED (1u << 5)
#define STATUS_TRANSMIT_EMPTY (1u << 7)
#define CONTROL_ENABLE (1u << 13)
#define CONTROL_TRANSMIT (1u << 3)
#define CONTROL_RECEIVE (1u << 2)

void uart_init(void)
{
    UART->baud_divider = (BOARD_UART_CLOCK_HZ + BOARD_UART_BAUD / 2u) / BOARD_UART_BAUD;
    UART->control_1 = CONTROL_ENABLE | CONTROL_TRANSMIT | CONTROL_RECEIVE;
}

uint8_t uart_read(void)
{
    while (!(UART->status & STATUS_RECEIVED)) {
    }
    return (uint8_t)UART->data;
}

void uart_write(uint8_t byte)
{
    while (!(UART->status & STATUS_TRANSMIT_EMPTY)) {
    }
    UART->data = byte;
}
