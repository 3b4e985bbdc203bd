/* Vector table, start-up and faults. The clock stays as it is at reset. */
#include <stdint.h>

#include "startup.h"

extern uint32_t __stack_top, __stack_limit;
extern uint32_t __data_load, __data_start, __data_end, __bss_start, __bss_end;

#define STACK_PAINT 0xa5a5a5a5u
#define CPACR ((volatile uint32_t *)0xe000ed88u) /* coprocessor access: 0xf00000 turns the FPU on */

void Reset_Handler(void);
void Fault_Handler(void);
void SysTick_Handler(void) __attribute__((weak, alias("Fault_Handler"))); /* unless the counter has one */

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)&__stack_top,   (uintptr_t)Reset_Handler, (uintptr_t)Fault_Handler, (uintptr_t)Fault_Handler,
    (uintptr_t)Fault_Handler,  (uintptr_t)Fault_Handler, (uintptr_t)Fault_Handler, (uintptr_t)Fault_Handler,
    (uintptr_t)Fault_Handler,  (uintptr_t)Fault_Handler, (uintptr_t)Fault_Handler, (uintptr_t)Fault_Handler,
    (uintptr_t)Fault_Handler,  (uintptr_t)Fault_Handler, (uintptr_t)Fault_Handler, (uintptr_t)SysTick_Handler,
};

/* Everything below the current stack pointer gets a known value, so that its use can be read off later. */
static void paint_stack(void)
{
    const uint32_t *const here = (const uint32_t *)__builtin_frame_address(0);
    for (volatile uint32_t *word = &__stack_limit; word < here - 16; ++word) {
        *word = STACK_PAINT;
    }
}

uint32_t stack_used(void)
{
    const volatile uint32_t *word = &__stack_limit;
    while (word < &__stack_top && *word == STACK_PAINT) {
        ++word;
    }
    return (uint32_t)((uintptr_t)&__stack_top - (uintptr_t)word);
}

void Reset_Handler(void)
{
    const uint32_t *from = &__data_load;
    for (uint32_t *to = &__data_start; to < &__data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &__bss_start; to < &__bss_end;) {
        *to++ = 0;
    }
#if defined(__ARM_FP)
    *CPACR |= 0xf00000u;
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    paint_stack();
    firmware_main();
}

/*
 * firmware_fault(what the core pushed, its bytes), on the stack that there is; when that is full, on a new one.
 * Below its limit is no memory, so that nothing was pushed.
 */
__attribute__((naked)) void Fault_Handler(void)
{
    __asm volatile(".syntax unified\n"
                   "mrs r0, msp\n"
                   "movs r1, #32\n"
                   "ldr r2, =__stack_limit\n"
                   "cmp r0, r2\n"
                   "bhs 1f\n"
                   "movs r1, #0\n"
                   "1: adds r2, #128\n" /* what the report takes, and more */
                   "cmp r0, r2\n"
                   "bhs 2f\n"
                   "ldr r2, =__stack_top\n"
                   "mov sp, r2\n"
                   "2: bl firmware_fault\n"
                   "3: b 3b");
}
