#ifndef TINYML_UART_H
#define TINYML_UART_H

#include <stdint.h>

void uart_init(void);
uint8_t uart_read(void); /* waits for a byte */
void uart_write(uint8_t byte);

#endif
