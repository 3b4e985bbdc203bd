/*
 * The Winograd kernel's loops in assembly, for cores with the DSP extension; only for the file of the kernel.
 * tinyml_winograd_plain.h has the same functions in C.
 */
#ifndef TINYML_WINOGRAD_DSP_H
#define TINYML_WINOGRAD_DSP_H

#include <stddef.h>

#include "tinyml_winograd_place.h"

#if defined(__clang__)
#define ONE_COPY __attribute__((noinline))
#else
#define ONE_COPY __attribute__((noinline, noclone))
#endif

/* A row of these is as long as a row of a block. */
typedef struct {
    uint32_t code;  /* where the program goes on after this pass */
    uint32_t value; /* see the places below */
    /* Of the link that follows: where the pass after it begins in the block, and the code that begins it. */
    uint32_t next, begin;
} winograd_link;

/* After the last row of links. */
typedef struct {
    uint32_t sums[8 * 5]; /* sets of eight, of two channels and four tiles */
    uint32_t cut;         /* CUT or 0 */
    int32_t left;         /* pairs of output channels */
    uint32_t r7;          /* which some compilers keep for themselves */
} winograd_kept;

/* The passes after which two rows of left outputs, then of right ones are done. */
enum { SITES = 4 };
static const uint8_t site_of[SITES] = {10, 11, 14, 15};

/* So many links before that of a site lies the one that holds, as a value, something for it. */
enum { TO = 0, BACK = 2, STRIDE = 8, COUNT = 10 };

/* Places in the code, after those of the passes and sites. */
enum { MORE = PASSES + SITES, BODY, END };

/* The block of one part of the channels; `fours` times four of them. */
static void transform_part(const uint32_t *upper, const uint32_t *lower, int32_t columns, uint32_t *to, int32_t fours)
{
    uint32_t rows[43]; /* four rows of COLUMNS, then what has no register */
    rows[40] = (uint32_t)columns * 8;
    rows[41] = (uint32_t)fours;
    register const uint32_t *from __asm("r0") = upper;
    register const uint32_t *also __asm("r1") = lower;
    register uint32_t *out __asm("r2") = to;
    register uint32_t *kept __asm("r3") = rows;
    __asm volatile(
        /* B^T along the columns: rows 0 - 2, 1 + 2, 2 - 1, 3 - 1, of two columns at a time. */
        ".macro winograd_columns turn\n\t"
        ".irp column, 0, 2, 4, 6, 8\n\t"
        "ldrd r4, r5, [r0, #8 * \\column]\n\t"
        "ldrd r6, r7, [r1, #8 * \\column]\n\t"
        "ldrd r8, r9, [r0, #8 * \\column + 8]\n\t"
        "ldrd r10, r11, [r1, #8 * \\column + 8]\n\t"
        ".irp word, r4, r5, r6, r7, r8, r9, r10, r11\n\t"
        "sxtb16 \\word, \\word, ror #\\turn\n\t"
        ".endr\n\t"
        "ssub16 r4, r4, r6\n\t"
        "ssub16 r8, r8, r10\n\t"
        "strd r4, r8, [r3, #4 * \\column]\n\t"
        "sadd16 r12, r5, r6\n\t"
        "sadd16 lr, r9, r10\n\t"
        "strd r12, lr, [r3, #4 * \\column + 40]\n\t"
        "ssub16 r6, r6, r5\n\t"
        "ssub16 r10, r10, r9\n\t"
        "strd r6, r10, [r3, #4 * \\column + 80]\n\t"
        "ssub16 r5, r7, r5\n\t"
        "ssub16 r9, r11, r9\n\t"
        "strd r5, r9, [r3, #4 * \\column + 120]\n\t"
        ".endr\n\t"
        ".endm\n\t"
        /* The same along one row, for the passes that take its four elements; r4 to r9 are six columns. */
        ".macro winograd_row at, p0, p1, p2, p3\n\t"
        "ldm r3!, {r4-r9}\n\t"
        "ssub16 r10, r4, r6\n\t"
        "ssub16 r11, r6, r8\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p0]\n\t"
        "sadd16 r10, r5, r6\n\t"
        "sadd16 r11, r7, r8\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p1]\n\t"
        "ssub16 r10, r6, r5\n\t"
        "ssub16 r11, r8, r7\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p2]\n\t"
        "ssub16 r10, r7, r5\n\t"
        "ssub16 r11, r9, r7\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p3]\n\t"
        "ldm r3!, {r4-r7}\n\t"
        "ssub16 r10, r8, r4\n\t"
        "ssub16 r11, r4, r6\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p0 + 8]\n\t"
        "sadd16 r10, r9, r4\n\t"
        "sadd16 r11, r5, r6\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p1 + 8]\n\t"
        "ssub16 r10, r4, r9\n\t"
        "ssub16 r11, r6, r5\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p2 + 8]\n\t"
        "ssub16 r10, r5, r9\n\t"
        "ssub16 r11, r7, r5\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p3 + 8]\n\t"
        ".endm\n\t"
        ".macro winograd_rows at\n\t"
        "winograd_row \\at, 10, 0, 4, 14\n\t"
        "winograd_row \\at, 9, 2, 6, 13\n\t"
        "winograd_row \\at, 8, 3, 7, 12\n\t"
        "winograd_row \\at, 11, 1, 5, 15\n\t"
        "sub r3, r3, #160\n\t"
        ".endm\n\t"
        "str r7, [r3, #168]\n\t" /* some compilers keep it for themselves */
        "1:\n\t"
        "winograd_columns 0\n\t"
        "winograd_rows 0\n\t"
        "winograd_columns 8\n\t"
        "winograd_rows 256\n\t"
        "add r2, r2, #512\n\t"
        "ldrd r4, r5, [r3, #160]\n\t"
        "add r0, r0, r4\n\t"
        "add r1, r1, #80\n\t"
        "subs r5, r5, #1\n\t"
        "str r5, [r3, #164]\n\t"
        "bne 1b\n\t"
        "ldr r7, [r3, #168]\n\t"
        ".purgem winograd_columns\n\t"
        ".purgem winograd_row\n\t"
        ".purgem winograd_rows\n\t"
        : "+r"(from), "+r"(also), "+r"(out), "+r"(kept)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}


/*
 * All outputs of a block. r0: in the last row of links, the last of them. Between passes the kernel keeps sets of
 * eight sums, of four tiles and two output channels, after that row: `sum` (at 256), `part`, zeros, and one for
 * either row of the outputs. With no channels to do, answers the table of the places in its code: there must be
 * only one copy of that.
 */
ONE_COPY static const int32_t *multiply(winograd_link *last, const int32_t *stream)
{
    register const void *links __asm("r0") = last;
    register const int32_t *constants __asm("r1") = stream;
    __asm volatile(
        /* Goes to where the next pass begins, and to the code that begins it. */
        ".macro winograd_pass\n\t"
        "ldmdb r0, {r0, pc}\n\t"
        ".endm\n\t"
        /* The set at r0 + at becomes its difference to the sums, these their sum with it. */
        ".macro winograd_butterfly at, reversed=0\n\t"
        ".irp two, 0, 2, 4, 6\n\t"
        "ldrd r10, r11, [r0, #\\at + 4 * \\two]\n\t"
        ".if \\two == 0\n\t"
        "winograd_both \\at, \\two, r2, r3, \\reversed\n\t"
        ".elseif \\two == 2\n\t"
        "winograd_both \\at, \\two, r4, r5, \\reversed\n\t"
        ".elseif \\two == 4\n\t"
        "winograd_both \\at, \\two, r6, r7, \\reversed\n\t"
        ".else\n\t"
        "winograd_both \\at, \\two, r8, r9, \\reversed\n\t"
        ".endif\n\t"
        ".endr\n\t"
        ".endm\n\t"
        ".macro winograd_both at, two, x, y, reversed\n\t"
        ".if \\reversed\n\t"
        "sub r12, \\x, r10\n\t"
        "sub lr, \\y, r11\n\t"
        ".else\n\t"
        "sub r12, r10, \\x\n\t"
        "sub lr, r11, \\y\n\t"
        ".endif\n\t"
        "strd r12, lr, [r0, #\\at + 4 * \\two]\n\t"
        "add \\x, \\x, r10\n\t"
        "add \\y, \\y, r11\n\t"
        ".endm\n\t"

        "ldr r12, [r0, #180]\n\t"
        "cmp r12, #0\n\t"
        "bne 30f\n\t"
        "adr r0, 31f\n\t"
        "b 32f\n\t"
        ".balign 4\n\t"
        "31:\n\t"
        ".irp place, 40f, 41f, 42f, 43f, 44f, 45f, 46f, 47f, 48f, 49f, 33f, 33f, 52f, 53f, 33f, 33f\n\t"
        ".word \\place - 31b + 1\n\t"
        ".endr\n\t"
        ".irp place, 50f, 51f, 54f, 55f, 34f, 35f, 36f\n\t"
        ".word \\place - 31b + 1\n\t"
        ".endr\n\t"
        "30:\n\t"
        "str r7, [r0, #184]\n\t"

        /* A pair of channels: how it is requantized, and whether the block is cut. */
        "37:\n\t"
        "ldr r12, [r1], #4\n\t"
        "ldr lr, [r0, #176]\n\t"
        "orr r12, r12, lr\n\t"
        "msr APSR_nzcvq, r12\n\t"
        "add lr, r0, #(320 - 240)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "40:\n\t" /* (0, 1), halved */
        "add lr, r0, #288\n\t"
        "stm lr!, {r2-r9}\n\t"
        "ldm lr, {r2-r9}\n\t"
        "add r0, r0, #256\n\t" /* there is no link before the first */
        "winograd_pass\n\t"
        "41:\n\t" /* (3, 1), halved */
        "winograd_butterfly (288 - 16)\n\t"
        "ldrd r10, r11, [r1], #8\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "add \\sum, \\sum, r10\n\t"
        ".endr\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "add \\sum, \\sum, r11\n\t"
        ".endr\n\t"
        "winograd_pass\n\t"
        "42:\n\t" /* (1, 1) */
        "add lr, r0, #(352 - 32)\n\t"
        "stm lr, {r2-r9}\n\t"
        "add lr, r0, #(288 - 32)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "43:\n\t" /* (2, 1) */
        "add lr, r0, #(384 - 48)\n\t"
        "stm lr, {r2-r9}\n\t"
        "add lr, r0, #(320 - 48)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "44:\n\t" /* (0, 2), halved */
        "add lr, r0, #(288 - 64)\n\t"
        "stm lr!, {r2-r9}\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "45:\n\t" /* (3, 2), halved */
        "winograd_butterfly (288 - 80)\n\t"
        "winograd_pass\n\t"
        "46:\n\t" /* (1, 2) */
        "winograd_butterfly (352 - 96)\n\t"
        "add lr, r0, #(256 - 96)\n\t"
        "stm lr!, {r2-r9}\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "47:\n\t" /* (2, 2) */
        "winograd_butterfly (384 - 112)\n\t"
        "winograd_pass\n\t"

        /* The left outputs. */
        "48:\n\t" /* (2, 0) */
        "add lr, r0, #(320 - 128)\n\t"
        "stmdb lr!, {r2-r9}\n\t"
        "ldmdb lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "49:\n\t" /* (1, 0) */
        "winograd_butterfly (288 - 144), 1\n\t"
        "winograd_pass\n\t"
        "50:\n\t" /* (0, 0), requantized */
        "add lr, r0, #(288 - 160)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "51:\n\t" /* (3, 0), requantized */
        "add lr, r0, #(384 - 176)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"

        /* The right outputs. */
        "52:\n\t" /* (2, 3) */
        "add lr, r0, #(288 - 192)\n\t"
        "stm lr, {r2-r9}\n\t"
        "add lr, r0, #(352 - 192)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "53:\n\t" /* (1, 3) */
        "winograd_butterfly (288 - 208), 1\n\t"
        "winograd_pass\n\t"
        "54:\n\t" /* (0, 3), requantized */
        "add lr, r0, #(288 - 224)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "55:\n\t" /* (3, 3), requantized */
        "ldr r12, [r0, #180]\n\t"
        "subs r12, r12, #1\n\t"
        "str r12, [r0, #180]\n\t"
        "bne 37b\n\t"
        "ldr r7, [r0, #184]\n\t"
        "b 32f\n\t"

        /* The products of a pass: up to PART pairs of input channels. */
        "34:\n\t"
        "add r0, r0, #256\n\t"
        "35:\n\t"
        ".rept 16\n\t"
        "ldrd r12, lr, [r1], #8\n\t"
        "ldrd r10, r11, [r0], #8\n\t"
        "smlad r2, r12, r10, r2\n\t"
        "smlad r6, lr, r10, r6\n\t"
        "smlad r3, r12, r11, r3\n\t"
        "smlad r7, lr, r11, r7\n\t"
        "ldrd r10, r11, [r0], #248\n\t"
        "smlad r4, r12, r10, r4\n\t"
        "smlad r8, lr, r10, r8\n\t"
        "smlad r5, r12, r11, r5\n\t"
        "smlad r9, lr, r11, r9\n\t"
        ".endr\n\t"
        "36:\n\t"
        "ldr pc, [r0]\n\t"

        /* Requantizes the sums of one row and column of the tiles. */
        "33:\n\t"
        "bmi 60f\n\t"
        "ldm r1!, {r10-r12, lr}\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "smmlar \\sum, \\sum, r10, r11\n\t"
        ".endr\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "smmlar \\sum, \\sum, r12, lr\n\t"
        ".endr\n\t"
        ".irp sum, r2, r3, r4, r5, r6, r7, r8, r9\n\t"
        "ssat \\sum, #8, \\sum, asr #4\n\t"
        ".endr\n\t"
        "61:\n\t"
        "bfi r2, r6, #8, #8\n\t"
        "bfi r3, r7, #8, #8\n\t"
        "bfi r4, r8, #8, #8\n\t"
        "bfi r5, r9, #8, #8\n\t"
        "ldr r12, [r0, #4]\n\t"
        "ldr r10, [r0, #-124]\n\t"
        "bcs 63f\n\t"
        "strh r3, [r12, r10]\n\t"
        "add lr, r12, r10, lsl #1\n\t"
        "strh r4, [lr]\n\t"
        "strh r5, [lr, r10]\n\t"
        "strh r2, [r12], #2\n\t"
        "str r12, [r0, #4]\n\t"
        "ldr pc, [r0, #-28]\n\t"

        /* TFLM's own arithmetic. */
        "60:\n\t"
        "ldm r1!, {r10-r12}\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "add lr, r11, \\sum, asr #31\n\t"
        "smmlar \\sum, \\sum, r10, lr\n\t"
        "asr \\sum, \\sum, r12\n\t"
        "ssat \\sum, #8, \\sum\n\t"
        ".endr\n\t"
        "ldm r1!, {r10-r12}\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "add lr, r11, \\sum, asr #31\n\t"
        "smmlar \\sum, \\sum, r10, lr\n\t"
        "asr \\sum, \\sum, r12\n\t"
        "ssat \\sum, #8, \\sum\n\t"
        ".endr\n\t"
        "b 61b\n\t"

        /* Stores only as many tiles as there are. */
        "63:\n\t"
        "mrs r11, APSR\n\t"
        "add lr, r12, #2\n\t"
        "str lr, [r0, #4]\n\t"
        "ldr lr, [r0, #-156]\n\t"
        "cmp lr, #1\n\t"
        "blt 64f\n\t"
        "strh r2, [r12]\n\t"
        "beq 64f\n\t"
        "strh r3, [r12, r10]\n\t"
        "add r12, r12, r10, lsl #1\n\t"
        "cmp lr, #3\n\t"
        "blt 64f\n\t"
        "strh r4, [r12]\n\t"
        "beq 64f\n\t"
        "strh r5, [r12, r10]\n\t"
        "64:\n\t"
        "msr APSR_nzcvq, r11\n\t"
        "ldr pc, [r0, #-28]\n\t"
        ".purgem winograd_pass\n\t"
        ".purgem winograd_butterfly\n\t"
        ".purgem winograd_both\n\t"
        "32:"
        : "+r"(links), "+r"(constants)
        :
        : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return links;
}

static winograd_link *links_after(const place *at, int32_t pairs)
{
    return (winograd_link *)(void *)(at->block + pairs * STEP + (pairs - at->first) / PART * STEP);
}

static winograd_kept *kept_after(winograd_link *last)
{
    return (winograd_kept *)(void *)(last + PASSES);
}

/* Ties the passes together. */
static void prepare(const tinyml_window *w, const place *at)
{
    winograd_link *const last = links_after(at, at->pairs);
    winograd_kept *const kept = kept_after(last);
    for (int32_t i = 0; i < (int32_t)(sizeof kept->sums / sizeof *kept->sums); ++i) {
        kept->sums[i] = 0;
    }
    kept->left = 0;
    const uint32_t *const code = (const uint32_t *)multiply(last + PASSES - 1, NULL);
    const uint32_t origin = (uint32_t)(uintptr_t)code;
    const uint32_t pair = (code[END] - code[BODY]) / PART;
    for (int32_t pass = 0; pass < PASSES; ++pass) {
        for (int32_t pairs = at->first; pairs < at->pairs; pairs += PART) {
            links_after(at, pairs)[pass].code = origin + code[MORE];
        }
        last[pass].code = origin + code[pass];
        last[pass].next = (uint32_t)(uintptr_t)(at->block + (pass + 2) % PASSES * TILES);
        last[pass].begin = origin + code[BODY] + (uint32_t)(PART - at->first) * pair;
    }
    for (int32_t site = 0; site < SITES; ++site) {
        last[site_of[site] - BACK].value = origin + code[PASSES + site];
        last[site_of[site] - STRIDE].value = 2 * (uint32_t)w->output_channels;
    }
}

/* Some pairs of channels of a block's outputs, `rows` by `columns` of them. */
static void multiply_block(const tinyml_window *w, const place *at, const int32_t *stream, int32_t pairs,
                           int8_t *output, int32_t rows, int32_t columns)
{
    winograd_link *const last = links_after(at, at->pairs);
    winograd_kept *const kept = kept_after(last);
    kept->left = pairs;
    kept->cut = rows == 2 && columns == 2 * TILES ? 0 : CUT;
    for (int32_t site = 0; site < SITES; ++site) {
        const int32_t row = site & 1;
        const int32_t column = site >> 1;
        int8_t *const to = output + (row * w->output_width + column) * w->output_channels;
        last[site_of[site] - TO].value = (uint32_t)(uintptr_t)to;
        last[site_of[site] - COUNT].value = row < rows ? (uint32_t)(columns + 1 - column) / 2 : 0;
    }
    multiply(last + PASSES - 1, stream);
}

/* G along both dimensions, doubled, for four input channels of one output channel; `step` words a pass. */
static void spread_four(const int32_t *taps, int32_t *to, int32_t step, int32_t constants)
{
    register const int32_t *from __asm("r0") = taps;
    register int32_t *out __asm("r1") = to;
    register int32_t pass __asm("r2") = 4 * step;
    register int32_t site __asm("r3") = 4 * (step + constants);
    __asm volatile(
        /* Three taps of the window's column. */
        ".macro winograd_taps x, y, z, at, turn\n\t"
        "ldrd \\x, \\y, [r0, #\\at]\n\t"
        "ldr \\z, [r0, #\\at + 8]\n\t"
        "sxtb16 \\x, \\x, ror #\\turn\n\t"
        "sxtb16 \\y, \\y, ror #\\turn\n\t"
        "sxtb16 \\z, \\z, ror #\\turn\n\t"
        ".endm\n\t"
        /* Four passes of an inner column: its outer rows halved. */
        ".macro winograd_inner x, y, z\n\t"
        "str \\x, [r1]\n\t"
        "str \\z, [r1, r2]\n\t"
        "add r1, r1, r2, lsl #1\n\t"
        ".endm\n\t"
        ".macro winograd_middle x, y, z\n\t"
        "sadd16 r8, \\x, \\z\n\t"
        "sadd16 r9, r8, \\y\n\t"
        "ssub16 r8, r8, \\y\n\t"
        "str r9, [r1]\n\t"
        "str r8, [r1, r2]\n\t"
        "add r1, r1, r2, lsl #1\n\t"
        ".endm\n\t"
        /* Four passes of an outer column. */
        ".macro winograd_outer\n\t"
        "sadd16 r4, r4, r4\n\t"
        "sadd16 r5, r5, r5\n\t"
        "sadd16 r6, r6, r6\n\t"
        "sadd16 r8, r4, r6\n\t"
        "ssub16 r9, r8, r5\n\t"
        "str r9, [r1]\n\t"
        "sadd16 r8, r8, r5\n\t"
        "str r8, [r1, r2]\n\t"
        "sadd16 r4, r4, r4\n\t"
        "str r4, [r1, r2, lsl #1]\n\t"
        "add r1, r1, r2, lsl #1\n\t"
        "add r1, r1, r3\n\t"
        "sadd16 r6, r6, r6\n\t"
        "str r6, [r1]\n\t"
        ".endm\n\t"
        ".irp turn, 0, 8\n\t"
        "winograd_taps r4, r5, r6, 0, \\turn\n\t"
        "winograd_taps r8, r9, r10, 24, \\turn\n\t"
        "sadd16 r4, r4, r8\n\t"
        "sadd16 r5, r5, r9\n\t"
        "sadd16 r6, r6, r10\n\t"
        "winograd_taps r8, r9, r10, 12, \\turn\n\t"
        "sadd16 r11, r4, r8\n\t"
        "sadd16 r12, r5, r9\n\t"
        "sadd16 lr, r6, r10\n\t"
        "ssub16 r4, r4, r8\n\t"
        "ssub16 r5, r5, r9\n\t"
        "ssub16 r6, r6, r10\n\t"
        "winograd_inner r11, r12, lr\n\t"
        "add r1, r1, #8\n\t" /* what sums start from */
        "winograd_middle r11, r12, lr\n\t"
        "winograd_inner r4, r5, r6\n\t"
        "winograd_middle r4, r5, r6\n\t"
        "winograd_taps r4, r5, r6, 0, \\turn\n\t"
        "winograd_outer\n\t"
        "add r1, r1, r3\n\t"
        "winograd_taps r4, r5, r6, 24, \\turn\n\t"
        "winograd_outer\n\t"
        /* Back to the first pass, and from even channels to odd ones. */
        "sub r1, r1, r3\n\t"
        "sub r1, r1, r3, lsl #1\n\t"
        "sub r1, r1, r2, lsl #3\n\t"
        "sub r1, r1, r2, lsl #2\n\t"
        ".endr\n\t"
        ".purgem winograd_taps\n\t"
        ".purgem winograd_inner\n\t"
        ".purgem winograd_middle\n\t"
        ".purgem winograd_outer\n\t"
        : "+r"(from), "+r"(out), "+r"(pass), "+r"(site)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
}

#endif
