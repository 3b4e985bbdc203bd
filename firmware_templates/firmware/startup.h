#ifndef TINYML_STARTUP_H
#define TINYML_STARTUP_H

#include <stdint.h>

/* The most stack in use since reset, in bytes. */
uint32_t stack_used(void);

/* CFSR, HFSR, DFSR, MMFAR and BFAR say what a fault was; Armv6-M does not have them. */
#define FAULT_STATUS ((const volatile uint32_t *)0xe000ed28u)
#if defined(__ARM_ARCH_6M__)
#define FAULT_STATUS_WORDS 0
#else
#define FAULT_STATUS_WORDS 5
#endif

/* Provided by main.c; neither returns to anything useful. */
void firmware_main(void);
void firmware_fault(const uint32_t *stacked, uint32_t bytes);

#endif
