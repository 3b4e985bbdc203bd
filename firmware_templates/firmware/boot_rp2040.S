/*
 * Second stage of RP2040's boot: its boot ROM copies the flash's first 256 bytes to RAM and calls them when the last
 * word is their CRC-32. They have the flash's serial interface (SSI) read with the command 03h, which every serial NOR
 * flash knows, wherever the core reads from 0x10000000 on; then they start the program at 0x10000100.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot, "ax"

    ldr r3, ssi
    movs r0, #0
    str r0, [r3, #0x08]     /* SSIENR: off while it is set up */
    movs r0, #4
    str r0, [r3, #0x14]     /* BAUDR: a fourth of the core's clock */
    ldr r0, frame
    str r0, [r3]            /* CTRLR0 */
    ldr r0, command
    ldr r1, command_register
    str r0, [r1]
    movs r0, #0
    str r0, [r3, #0x04]     /* CTRLR1: one word a read */
    movs r0, #1
    str r0, [r3, #0x08]     /* SSIENR: on */
    ldr r0, program
    ldr r1, vector_table_register
    str r0, [r1]
    ldr r1, [r0]
    msr msp, r1
    ldr r1, [r0, #4]
    bx r1

    .balign 4
ssi:                    .word 0x18000000
command_register:       .word 0x180000f4    /* SPI_CTRLR0 */
frame:                  .word (31 << 16) | (3 << 8)             /* 32 bits, one line; read after the command */
command:                .word (0x03 << 24) | (2 << 8) | (6 << 2)    /* 03h, 8 bits; address, 24 bits */
program:                .word 0x10000100
vector_table_register:  .word 0xe000ed08    /* VTOR */

    .org 252
    .word 0x66a05b6e        /* CRC-32 of all before; tests/emulate/test_boards.py computes it anew */
