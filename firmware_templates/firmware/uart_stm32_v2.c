/* USART and LPUART of STM32 F0, F3, F7, G, H, L4, L5, U and W: 8 data bits, 1 stop bit, no parity, polled. */
#include "board.h"
#include "uart.h"

typedef struct {
    volatile uint32_t control_1, control_2, control_3, baud_divider;
    volatile uint32_t guard_time, receiver_timeout, request, status, clear;
    volatile uint32_t received, transmitted;
} stm32_usart;

#define UART ((stm32_usart *)BOARD_UART_BASE)
#define STATUS_RECEIVED (1u << 5)
#define STATUS_TRANSMIT_EMPTY (1u << 7)
#define CONTROL_ENABLE (1u << 0)
#define CONTROL_RECEIVE (1u << 2)
#define CONTROL_TRANSMIT (1u << 3)
#define SCALED_CLOCK (BOARD_UART_CLOCK_HZ * BOARD_UART_DIVIDER_SCALE) /* 256 times for an LPUART */

void uart_init(void)
{
    UART->baud_divider = (SCALED_CLOCK + BOARD_UART_BAUD / 2u) / BOARD_UART_BAUD;
    UART->control_1 = CONTROL_ENABLE | CONTROL_TRANSMIT | CONTROL_RECEIVE;
}

uint8_t uart_read(void)
{
    while (!(UART->status & STATUS_RECEIVED)) {
    }
    return (uint8_t)UART->received;
}

void uart_write(uint8_t byte)
{
    while (!(UART->status & STATUS_TRANSMIT_EMPTY)) {
    }
    UART->transmitted = byte;
}
