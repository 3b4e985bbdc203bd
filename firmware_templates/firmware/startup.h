#ifndef TINYML_STARTUP_H
#define TINYML_STARTUP_H

#include <stdint.h>

/* The most stack in use since reset, in bytes. */
uint32_t stack_used(void);

/* Provided by main.c; neither returns to anything useful. */
void firmware_main(void);
void firmware_fault(uint32_t pc, uint32_t lr, uint32_t fault_status);

#endif
