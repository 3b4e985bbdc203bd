/* UART (not UARTE) of nRF51 and nRF52: 8 data bits, 1 stop bit, no parity, no flow control, polled. */
#include "board.h"
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(BOARD_UART_BASE + (offset)))
#define START_RECEIVER REGISTER(0x000u)
#define START_TRANSMITTER REGISTER(0x008u)
#define RECEIVED REGISTER(0x108u)
#define TRANSMITTED REGISTER(0x11cu)
#define ENABLE REGISTER(0x500u)
#define PIN_TRANSMIT REGISTER(0x50cu)
#define PIN_RECEIVE REGISTER(0x514u)
#define RECEIVED_BYTE REGISTER(0x518u)
#define TRANSMITTED_BYTE REGISTER(0x51cu)
#define BAUD_RATE REGISTER(0x524u)

#define ENABLE_UART 4u
/* A rate is given in 2^32ths of the clock, of which the twenty highest bits count. */
#define BAUD_FRACTION ((((uint64_t)BOARD_UART_BAUD << 32) / BOARD_UART_CLOCK_HZ + 0x800u) & 0xfffff000u)

static uint8_t sending; /* the first byte waits for none before it */

void uart_init(void)
{
    PIN_TRANSMIT = BOARD_UART_TX_PIN;
    PIN_RECEIVE = BOARD_UART_RX_PIN;
    BAUD_RATE = (uint32_t)BAUD_FRACTION;
    ENABLE = ENABLE_UART;
    RECEIVED = 0;
    START_RECEIVER = 1;
    START_TRANSMITTER = 1;
}

uint8_t uart_read(void)
{
    while (!RECEIVED) {
    }
    RECEIVED = 0; /* before the byte is taken: that may bring the next at once */
    return (uint8_t)RECEIVED_BYTE;
}

void uart_write(uint8_t byte)
{
    while (sending && !TRANSMITTED) {
    }
    TRANSMITTED = 0;
    TRANSMITTED_BYTE = byte;
    sending = 1;
}
