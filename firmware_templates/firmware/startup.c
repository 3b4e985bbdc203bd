/* Vector table, start-up and faults. The clock stays as it is at reset. */
#include <stdint.h>

#include "startup.h"

extern uint32_t __stack_top, __stack_limit;
extern uint32_t __data_load, __data_start, __data_end, __bss_start, __bss_end;

#define STACK_PAINT 0xa5a5a5a5u
#define CPACR ((volatile uint32_t *)0xe000ed88u) /* coprocessor access: 0xf00000 turns the FPU on */
#define CFSR ((volatile uint32_t *)0xe000ed28u)  /* configurable fault status; Armv6-M has none */

void Reset_Handler(void);
void Fault_Handler(void);
void SysTick_Handler(void) __attribute__((weak, alias("Fault_Handler"))); /* unless the counter has one */
void fault_report(const uint32_t *frame);

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

/* r0 = the registers that the core pushed: r0-r3, r12, lr, pc, xpsr */
__attribute__((naked)) void Fault_Handler(void)
{
    __asm volatile("mrs r0, msp\n bl fault_report");
}

__attribute__((used)) void fault_report(const uint32_t *frame)
{
#if defined(__ARM_ARCH_6M__)
    firmware_fault(frame[6], frame[5], 0);
#else
    firmware_fault(frame[6], frame[5], *CFSR);
#endif
    for (;;) {
    }
}
