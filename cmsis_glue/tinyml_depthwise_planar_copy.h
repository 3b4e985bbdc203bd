/* The plane of tinyml_depthwise_planar.h: cleared, and a channel copied into it. */
#ifndef TINYML_DEPTHWISE_PLANAR_COPY_H
#define TINYML_DEPTHWISE_PLANAR_COPY_H

#include "tinyml_depthwise_planar.h"

/* The plane begins as the zero point all over; only its border stays so. */
static inline int16_t *tinyml_planar_cleared(const tinyml_depthwise_planar *p, int8_t *at)
{
    int16_t *plane = (int16_t *)at;
#if defined(TINYML_SSAT)
    const uint32_t both = 0x00010001u * (uint16_t)p->zero_point;
    for (int32_t i = 0; i < p->plane; i += 2) {
        __builtin_memcpy(plane + i, &both, 4); /* a word: these cores store it anywhere */
    }
#else
    for (int32_t i = 0; i < p->plane; ++i) {
        plane[i] = (int16_t)p->zero_point;
    }
#endif
    return plane;
}

#if defined(TINYML_SSAT)
/* How lines are copied. */
typedef struct {
    int32_t eights;     /* 0: groups of eight elements in each line */
    uint32_t rest;      /* 4: the elements after them, in the top three bits */
    int32_t next_line;  /* 8: from a line's last element to the next line's first */
    int32_t next_place; /* 12: likewise in the plane, in bytes */
} tinyml_planar_lines;

/* The next elements from r0, which are r2 apart (r3 is three times that), to r1. */
#if defined(TINYML_DSP)
#define TINYML_PLANAR_TAKE_FOUR(first, second)                                                                     \
    "ldrsb " first ", [r0]\n\t"                                                                                    \
    "ldrsb " second ", [r0, r2]\n\t"                                                                               \
    "ldrsb r9, [r0, r2, lsl #1]\n\t"                                                                               \
    "ldrsb r10, [r0, r3]\n\t"                                                                                      \
    "add r0, r0, r2, lsl #2\n\t"                                                                                   \
    "pkhbt " first ", " first ", " second ", lsl #16\n\t"                                                          \
    "pkhbt " second ", r9, r10, lsl #16\n\t"
#define TINYML_PLANAR_COPY_EIGHT                                                                                   \
    TINYML_PLANAR_TAKE_FOUR("r4", "r5") TINYML_PLANAR_TAKE_FOUR("r6", "r8") "stm r1!, {r4, r5, r6, r8}\n\t"
#define TINYML_PLANAR_COPY_FOUR TINYML_PLANAR_TAKE_FOUR("r4", "r5") "stm r1!, {r4, r5}\n\t"
#else
#define TINYML_PLANAR_COPY_FOUR                                                                                    \
    "ldrsb r4, [r0]\n\t"                                                                                           \
    "ldrsb r5, [r0, r2]\n\t"                                                                                       \
    "ldrsb r6, [r0, r2, lsl #1]\n\t"                                                                               \
    "ldrsb r8, [r0, r3]\n\t"                                                                                       \
    "add r0, r0, r2, lsl #2\n\t"                                                                                   \
    "strh r4, [r1], #2\n\t"                                                                                        \
    "strh r5, [r1], #2\n\t"                                                                                        \
    "strh r6, [r1], #2\n\t"                                                                                        \
    "strh r8, [r1], #2\n\t"
#define TINYML_PLANAR_COPY_EIGHT TINYML_PLANAR_COPY_FOUR TINYML_PLANAR_COPY_FOUR
#endif
#define TINYML_PLANAR_COPY_ONE                                                                                     \
    "ldrsb r4, [r0]\n\t"                                                                                           \
    "add r0, r0, r2\n\t"                                                                                           \
    "strh r4, [r1], #2\n\t"

/* The loops need r7, too, which clang, and gcc when it does not optimize, want for themselves. */
#if defined(__clang__) || !defined(__OPTIMIZE__)
#define TINYML_PLANAR_ENTER "push {r7}\n\t"
#define TINYML_PLANAR_LEAVE "pop {r7}\n\t"
#define TINYML_PLANAR_CLOBBERED
#else
#define TINYML_PLANAR_ENTER
#define TINYML_PLANAR_LEAVE
#define TINYML_PLANAR_CLOBBERED "r7",
#endif

#if defined(TINYML_DSP)
/* Of two channels, the second to r7. */
#define TINYML_PLANAR_COPY_BOTH_FOUR                                                                               \
    "ldrh r4, [r0]\n\t"                                                                                            \
    "ldrh r5, [r0, r2]\n\t"                                                                                        \
    "ldrh r6, [r0, r2, lsl #1]\n\t"                                                                                \
    "ldrh r8, [r0, r3]\n\t"                                                                                        \
    "add r0, r0, r2, lsl #2\n\t"                                                                                   \
    "pkhbt r4, r4, r5, lsl #16\n\t"                                                                                \
    "pkhbt r6, r6, r8, lsl #16\n\t"                                                                                \
    "sxtb16 r8, r4\n\t"                                                                                            \
    "sxtb16 r9, r6\n\t"                                                                                            \
    "stm r1!, {r8, r9}\n\t"                                                                                        \
    "sxtb16 r4, r4, ror #8\n\t"                                                                                    \
    "sxtb16 r6, r6, ror #8\n\t"                                                                                    \
    "stm r7!, {r4, r6}\n\t"
#define TINYML_PLANAR_COPY_BOTH_ONE                                                                                \
    "ldrsh r4, [r0]\n\t"                                                                                           \
    "add r0, r0, r2\n\t"                                                                                           \
    "sxtb r5, r4\n\t"                                                                                              \
    "asr r4, r4, #8\n\t"                                                                                           \
    "strh r5, [r1], #2\n\t"                                                                                        \
    "strh r4, [r7], #2\n\t"
#endif

/* An element at an odd place comes first and alone: pairs begin at even ones. */
#define TINYML_PLANAR_COPY_LINES(eight, four, one, next_place)                                                     \
    "1:\n\t"                                                                                                       \
    "lsrs r4, r12, #1\n\t"                                                                                         \
    "bcc 2f\n\t" one "2:\n\t"                                                                                      \
    "ldr r11, [lr]\n\t"                                                                                            \
    "cmp r11, #0\n\t"                                                                                              \
    "beq 4f\n\t"                                                                                                   \
    "3:\n\t" eight "subs r11, r11, #1\n\t"                                                                         \
    "bne 3b\n\t"                                                                                                   \
    "4:\n\t"                                                                                                       \
    "ldr r4, [lr, #4]\n\t"                                                                                         \
    "cbz r4, 7f\n\t"                                                                                               \
    "lsls r11, r4, #1\n\t" /* carry: four more; negative: two more */                                              \
    "bcc 5f\n\t" four "5:\n\t"                                                                                     \
    "bpl 6f\n\t" one one "6:\n\t"                                                                                  \
    "lsls r11, r11, #2\n\t" /* carry: one more */                                                                  \
    "bcc 7f\n\t" one "7:\n\t"                                                                                      \
    "ldrd r4, r5, [lr, #8]\n\t"                                                                                    \
    "add r0, r0, r4\n\t"                                                                                           \
    "add r1, r1, r5\n\t" next_place                                                                                \
    "subs r12, r12, #2\n\t"                                                                                        \
    "bpl 1b\n\t"

static inline void tinyml_planar_copy_lines(const tinyml_planar_lines *how, const int8_t *from, int16_t *to,
                                            int32_t lines, int32_t step, int32_t odd)
{
    register const int8_t *input __asm("r0") = from;
    register int16_t *plane __asm("r1") = to;
    register int32_t one __asm("r2") = step;
    register int32_t three __asm("r3") = 3 * step;
    register int32_t left __asm("r12") = 2 * (lines - 1) + odd;
    register const tinyml_planar_lines *lengths __asm("lr") = how;
    __asm volatile(TINYML_PLANAR_COPY_LINES(TINYML_PLANAR_COPY_EIGHT, TINYML_PLANAR_COPY_FOUR,
                                            TINYML_PLANAR_COPY_ONE, "")
                   : "+r"(input), "+r"(plane), "+r"(left)
                   : "r"(one), "r"(three), "r"(lengths)
                   : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory");
}

#if defined(TINYML_DSP)
/* Two channels, the second to a plane `second` elements further on. */
static inline void tinyml_planar_copy_both(const tinyml_planar_lines *how, const int8_t *from, int16_t *to,
                                           int32_t second, int32_t lines, int32_t step, int32_t odd)
{
    register const int8_t *input __asm("r0") = from;
    register int16_t *plane __asm("r1") = to;
    register int32_t one __asm("r2") = step;
    register int32_t three __asm("r3") = 3 * step;
    register int16_t *other __asm("r10") = to + second;
    register int32_t left __asm("r12") = 2 * (lines - 1) + odd;
    register const tinyml_planar_lines *lengths __asm("lr") = how;
    __asm volatile(TINYML_PLANAR_ENTER "mov r7, r10\n\t" TINYML_PLANAR_COPY_LINES(
                       TINYML_PLANAR_COPY_BOTH_FOUR TINYML_PLANAR_COPY_BOTH_FOUR, TINYML_PLANAR_COPY_BOTH_FOUR,
                       TINYML_PLANAR_COPY_BOTH_ONE, "add r7, r7, r5\n\t") TINYML_PLANAR_LEAVE
                   : "+r"(input), "+r"(plane), "+r"(left)
                   : "r"(one), "r"(three), "r"(lengths), "r"(other)
                   : TINYML_PLANAR_CLOBBERED "r4", "r5", "r6", "r8", "r9", "r11", "cc", "memory");
}
#endif

/* Of lines at an even `pitch`. */
static inline tinyml_planar_lines tinyml_planar_lines_of(const tinyml_depthwise_planar *p)
{
    const int32_t even = p->input_length - (p->before & 1);
    tinyml_planar_lines lines;
    lines.eights = even >> 3;
    lines.rest = (uint32_t)even << 29;
    lines.next_line = p->input_line_step - p->input_length * p->input_step;
    lines.next_place = 2 * (p->pitch - p->input_length);
    return lines;
}

static inline void tinyml_planar_copy(const tinyml_depthwise_planar *p, const int8_t *input, int16_t *plane)
{
    const tinyml_planar_lines lines = tinyml_planar_lines_of(p);
    tinyml_planar_copy_lines(&lines, input, plane + p->before, p->input_lines, p->input_step, p->before & 1);
}
#else
static inline void tinyml_planar_copy(const tinyml_depthwise_planar *p, const int8_t *input, int16_t *plane)
{
    const int32_t step = p->input_step;
    for (int32_t line = 0; line < p->input_lines; ++line) {
        const int8_t *from = input + line * p->input_line_step;
        int16_t *to = plane + p->before + line * p->pitch;
        int32_t left = p->input_length;
        for (; left >= 4; left -= 4) {
            to[0] = from[0];
            to[1] = from[step];
            to[2] = from[2 * step];
            to[3] = from[3 * step];
            from += 4 * step;
            to += 4;
        }
        for (; left > 0; --left) {
            *to++ = *from;
            from += step;
        }
    }
}
#endif

#endif
