/*
 * The loops of tinyml_depthwise_planar.h for Cortex-M3 and above, in assembly because the compiler cannot keep
 * what they need in registers.
 *
 * With the DSP extension, elements of a line are taken in pairs, so that SMLAD takes two weights of w0 w1 w2 at
 * a time. Of two neighbours at stride 1 the first is (w0 w1) . (x0 x1) + w2 x2, the second w0 x1 + (w1 w2) .
 * (x2 x3). Four outputs take 48 instructions: loads, products, requantization and stores; 87 without.
 */
#ifndef TINYML_DEPTHWISE_PLANAR_ASM_H
#define TINYML_DEPTHWISE_PLANAR_ASM_H

#include "tinyml_depthwise_planar_copy.h"

/*
 * What the strips need, in scratch; r2 points at `weights`, offsets are from there. LDM loads what is needed
 * before the products upwards from there, LDMDB what is needed after them downwards.
 */
typedef struct {
    int32_t shift; /* -24: of an exact requantization */
    int32_t multiplier, offset;
    int32_t step, line_step;   /* -12: of the output */
    int32_t thrice;            /* -4: the step */
    int32_t weights[10];       /* 0: of the window's first line, the bias, then of the other lines */
    int32_t next_strip;        /* 40: from a strip's end to the beginning of the next one of four, in bytes */
    int32_t next_output;       /* 44: likewise in the output */
    const int16_t *end_of_all; /* 48: where the strip after the last one of four ends */
    int32_t rest;              /* 52: outputs left in each line, 0 to 3 */
} tinyml_planar_strips;

/*
 * One line of a strip, from the plane at r0 to the output at r1: sums in r4, r5, r6 and, always last, lr, which
 * comes with the bias. Products get the register that points at the window's line, and what sums start from.
 */
#if defined(TINYML_DSP)

/* Elements in r8 to r10, weights in r11 and r12. */
#define TINYML_PLANAR_LINE_WORDS 2 /* of weights: w0 w1, w1 w2 */
#define TINYML_PLANAR_THIRD_1 "r8"
#define TINYML_PLANAR_THIRD_2 "r0"
#define TINYML_PLANAR_SUMS(elements, third_line, first, second, third)                                             \
    "ldm r2, {r11, r12, lr}\n\t"                                                                                \
    "ldm r0, {" elements "}\n\t" first                                                                             \
    "ldrd r11, r12, [r2, #12]\n\t"                                                                                \
    "add r0, r0, r3\n\t"                                                                                           \
    "ldm r0, {" elements "}\n\t" second                                                                            \
    "ldrd r11, r12, [r2, #20]\n\t"                                                                                \
    "add " third_line ", r0, r3\n\t"                                                                               \
    "ldm " third_line ", {" elements "}\n\t" third
#define TINYML_PLANAR_FOUR_1(from, a, b, c)                                                                        \
    "smlad r4, r8, r11, " a "\n\t"                                                                                 \
    "smlatb r5, r8, r11, " b "\n\t"                                                                                \
    "smlad r6, r9, r11, " c "\n\t"                                                                                 \
    "smlatb lr, r9, r11, lr\n\t"                                                                                   \
    "smlabt r4, r9, r12, r4\n\t"                                                                                   \
    "smlad r5, r9, r12, r5\n\t"                                                                                    \
    "smlabt r6, r10, r12, r6\n\t"                                                                                  \
    "smlad lr, r10, r12, lr\n\t"
#define TINYML_PLANAR_TWO_1(from, a)                                                                               \
    "smlad r4, r8, r11, " a "\n\t"                                                                                 \
    "smlatb lr, r8, r11, lr\n\t"                                                                                   \
    "smlabt r4, r9, r12, r4\n\t"                                                                                   \
    "smlad lr, r9, r12, lr\n\t"
#define TINYML_PLANAR_FOUR_2(from, a, b, c)                                                                        \
    "smlad r4, r8, r11, " a "\n\t"                                                                                 \
    "smlad r5, r9, r11, " b "\n\t"                                                                                 \
    "smlad r6, r10, r11, " c "\n\t"                                                                                \
    "smlabt r4, r9, r12, r4\n\t"                                                                                   \
    "smlabt r5, r10, r12, r5\n\t"                                                                                  \
    "ldrd r8, r9, [" from ", #12]\n\t"                                                                             \
    "smlad lr, r8, r11, lr\n\t"                                                                                    \
    "smlabt r6, r8, r12, r6\n\t"                                                                                   \
    "smlabt lr, r9, r12, lr\n\t"
#define TINYML_PLANAR_TWO_2(from, a)                                                                               \
    "smlad r4, r8, r11, " a "\n\t"                                                                                 \
    "smlad lr, r9, r11, lr\n\t"                                                                                    \
    "smlabt r4, r9, r12, r4\n\t"                                                                                   \
    "smlabt lr, r10, r12, lr\n\t"
#define TINYML_PLANAR_ONE(from)                                                                                    \
    "smlad lr, r8, r11, lr\n\t"                                                                                    \
    "smlabt lr, r9, r12, lr\n\t"

/* Requantization; it leaves the output's step in r10, three times that in r12, and its line's step in r11. */
#define TINYML_PLANAR_BEFORE_PROVEN "ldmdb r2, {r8, r9, r10, r11, r12}\n\t"
#define TINYML_PLANAR_PROVEN(sum)                                                                                  \
    "smmlar " sum ", " sum ", r8, r9\n\t"                                                                          \
    "ssat " sum ", #8, " sum ", asr #6\n\t" /* TINYML_PLANAR_SHIFT */
#define TINYML_PLANAR_AFTER_PROVEN ""

#define TINYML_PLANAR_BEFORE_EXACT_                                                                                \
    "ldrd r8, r9, [r2, #-20]\n\t"                                                                                        \
    "ldr r10, [r2, #-24]\n\t"
#define TINYML_PLANAR_EXACT_(sum)                                                                                  \
    "add r11, r9, " sum ", asr #31\n\t"                                                                            \
    "smmlar " sum ", " sum ", r8, r11\n\t"                                                                         \
    "asr " sum ", " sum ", r10\n\t"                                                                                \
    "ssat " sum ", #8, " sum "\n\t"
#define TINYML_PLANAR_AFTER_EXACT_                                                                                 \
    "ldrd r10, r11, [r2, #-12]\n\t"                                                                                  \
    "ldr r12, [r2, #-4]\n\t"

#else

/* An element in r8, weights in r10 to r12. */
#define TINYML_PLANAR_LINE_WORDS 3 /* of weights */
#define TINYML_PLANAR_THIRD_1 "r9"
#define TINYML_PLANAR_THIRD_2 "r0"
#define TINYML_PLANAR_SUMS(elements, third_line, first, second, third)                                             \
    "ldm r2, {r10, r11, r12, lr}\n\t" first                                                                                \
    "ldrd r10, r11, [r2, #16]\n\t"                                                                                \
    "add r0, r0, r3\n\t"                                                                                           \
    "ldr r12, [r2, #24]\n\t" second                                                                               \
    "ldrd r10, r11, [r2, #28]\n\t"                                                                                \
    "add " third_line ", r0, r3\n\t"                                                                               \
    "ldr r12, [r2, #36]\n\t" third
#define TINYML_PLANAR_FOUR_1(from, a, b, c)                                                                        \
    "ldrsh r8, [" from ", #0]\n\t"                                                                                 \
    "mla r4, r8, r10, " a "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #2]\n\t"                                                                                 \
    "mla r4, r8, r11, r4\n\t"                                                                                      \
    "mla r5, r8, r10, " b "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #4]\n\t"                                                                                 \
    "mla r4, r8, r12, r4\n\t"                                                                                      \
    "mla r5, r8, r11, r5\n\t"                                                                                      \
    "mla r6, r8, r10, " c "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #6]\n\t"                                                                                 \
    "mla r5, r8, r12, r5\n\t"                                                                                      \
    "mla r6, r8, r11, r6\n\t"                                                                                      \
    "mla lr, r8, r10, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #8]\n\t"                                                                                 \
    "mla r6, r8, r12, r6\n\t"                                                                                      \
    "mla lr, r8, r11, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #10]\n\t"                                                                                \
    "mla lr, r8, r12, lr\n\t"
#define TINYML_PLANAR_TWO_1(from, a)                                                                               \
    "ldrsh r8, [" from ", #0]\n\t"                                                                                 \
    "mla r4, r8, r10, " a "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #2]\n\t"                                                                                 \
    "mla r4, r8, r11, r4\n\t"                                                                                      \
    "mla lr, r8, r10, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #4]\n\t"                                                                                 \
    "mla r4, r8, r12, r4\n\t"                                                                                      \
    "mla lr, r8, r11, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #6]\n\t"                                                                                 \
    "mla lr, r8, r12, lr\n\t"
#define TINYML_PLANAR_FOUR_2(from, a, b, c)                                                                        \
    "ldrsh r8, [" from ", #0]\n\t"                                                                                 \
    "mla r4, r8, r10, " a "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #2]\n\t"                                                                                 \
    "mla r4, r8, r11, r4\n\t"                                                                                      \
    "ldrsh r8, [" from ", #4]\n\t"                                                                                 \
    "mla r4, r8, r12, r4\n\t"                                                                                      \
    "mla r5, r8, r10, " b "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #6]\n\t"                                                                                 \
    "mla r5, r8, r11, r5\n\t"                                                                                      \
    "ldrsh r8, [" from ", #8]\n\t"                                                                                 \
    "mla r5, r8, r12, r5\n\t"                                                                                      \
    "mla r6, r8, r10, " c "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #10]\n\t"                                                                                \
    "mla r6, r8, r11, r6\n\t"                                                                                      \
    "ldrsh r8, [" from ", #12]\n\t"                                                                                \
    "mla r6, r8, r12, r6\n\t"                                                                                      \
    "mla lr, r8, r10, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #14]\n\t"                                                                                \
    "mla lr, r8, r11, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #16]\n\t"                                                                                \
    "mla lr, r8, r12, lr\n\t"
#define TINYML_PLANAR_TWO_2(from, a)                                                                               \
    "ldrsh r8, [" from ", #0]\n\t"                                                                                 \
    "mla r4, r8, r10, " a "\n\t"                                                                                   \
    "ldrsh r8, [" from ", #2]\n\t"                                                                                 \
    "mla r4, r8, r11, r4\n\t"                                                                                      \
    "ldrsh r8, [" from ", #4]\n\t"                                                                                 \
    "mla r4, r8, r12, r4\n\t"                                                                                      \
    "mla lr, r8, r10, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #6]\n\t"                                                                                 \
    "mla lr, r8, r11, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #8]\n\t"                                                                                 \
    "mla lr, r8, r12, lr\n\t"
#define TINYML_PLANAR_ONE(from)                                                                                    \
    "ldrsh r8, [" from ", #0]\n\t"                                                                                 \
    "mla lr, r8, r10, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #2]\n\t"                                                                                 \
    "mla lr, r8, r11, lr\n\t"                                                                                      \
    "ldrsh r8, [" from ", #4]\n\t"                                                                                 \
    "mla lr, r8, r12, lr\n\t"

/* Requantization by SMLAL, whose lower half starts as the rounding; it leaves the same as above. */
#define TINYML_PLANAR_BEFORE_PROVEN "ldrd r8, r9, [r2, #-20]\n\t"
#define TINYML_PLANAR_PROVEN(sum)                                                                                  \
    "mov r10, #0x80000000\n\t"                                                                                     \
    "mov r11, r9\n\t"                                                                                              \
    "smlal r10, r11, " sum ", r8\n\t"                                                                              \
    "ssat " sum ", #8, r11, asr #6\n\t" /* TINYML_PLANAR_SHIFT */
#define TINYML_PLANAR_AFTER_PROVEN                                                                                 \
    "ldrd r10, r11, [r2, #-12]\n\t"                                                                                  \
    "ldr r12, [r2, #-4]\n\t"

#define TINYML_PLANAR_BEFORE_EXACT_                                                                                \
    "ldrd r8, r9, [r2, #-20]\n\t"                                                                                        \
    "ldr r12, [r2, #-24]\n\t"
#define TINYML_PLANAR_EXACT_(sum)                                                                                  \
    "mov r10, #0x80000000\n\t"                                                                                     \
    "add r11, r9, " sum ", asr #31\n\t"                                                                            \
    "smlal r10, r11, " sum ", r8\n\t"                                                                              \
    "asr r11, r11, r12\n\t"                                                                                        \
    "ssat " sum ", #8, r11\n\t"
#define TINYML_PLANAR_AFTER_EXACT_ TINYML_PLANAR_AFTER_PROVEN

#endif

/*
 * All strips: of four, then of two and one where lines have a rest. `wide` and `half` are the bytes that
 * strips of four and two take of a line in the plane; r7 is where a strip ends.
 */
#define TINYML_PLANAR_STRIPS(stride, pair, wide, half, form)                                                       \
    TINYML_PLANAR_ENTER                                                                                            \
    "mov r7, r12\n\t"                                                                                              \
    "b 2f\n\t"                                                                                                     \
    "1:\n\t" TINYML_PLANAR_SUMS("r8, r9, r10", TINYML_PLANAR_THIRD_##stride,                                       \
                                TINYML_PLANAR_FOUR_##stride("r0", "lr", "lr", "lr"),                               \
                                TINYML_PLANAR_FOUR_##stride("r0", "r4", "r5", "r6"),                               \
                                TINYML_PLANAR_FOUR_##stride(TINYML_PLANAR_THIRD_##stride, "r4", "r5", "r6"))       \
    TINYML_PLANAR_BEFORE_##form TINYML_PLANAR_##form("r4") TINYML_PLANAR_##form("r5")                              \
    TINYML_PLANAR_##form("r6") TINYML_PLANAR_##form("lr") TINYML_PLANAR_AFTER_##form                               \
    "strb r4, [r1]\n\t"                                                                                            \
    "strb r5, [r1, r10]\n\t"                                                                                       \
    "strb r6, [r1, r10, lsl #1]\n\t"                                                                               \
    "strb lr, [r1, r12]\n\t"                                                                                       \
    "add r1, r1, r11\n\t"                                                                                          \
    "cmp r0, r7\n\t"                                                                                               \
    "bne 1b\n\t"                                                                                                   \
    "ldrd r8, r9, [r2, #40]\n\t"                                                                                   \
    "add r0, r0, r8\n\t"                                                                                           \
    "add r1, r1, r9\n\t"                                                                                           \
    "add r7, r7, #" wide "\n\t"                                                                                    \
    "2:\n\t"                                                                                                       \
    "ldr r8, [r2, #48]\n\t"                                                                                        \
    "cmp r7, r8\n\t"                                                                                               \
    "bne 1b\n\t"                                                                                                   \
    "ldr r8, [r2, #52]\n\t"                                                                                        \
    "lsls r8, r8, #31\n\t" /* carry: two more; negative: one more */                                               \
    "bcc 4f\n\t"                                                                                                   \
    "3:\n\t" TINYML_PLANAR_SUMS(pair, TINYML_PLANAR_THIRD_##stride,                                                \
                                TINYML_PLANAR_TWO_##stride("r0", "lr"), TINYML_PLANAR_TWO_##stride("r0", "r4"),    \
                                TINYML_PLANAR_TWO_##stride(TINYML_PLANAR_THIRD_##stride, "r4"))                    \
    TINYML_PLANAR_BEFORE_##form TINYML_PLANAR_##form("r4") TINYML_PLANAR_##form("lr")                              \
    TINYML_PLANAR_AFTER_##form                                                                                     \
    "strb r4, [r1]\n\t"                                                                                            \
    "strb lr, [r1, r10]\n\t"                                                                                       \
    "add r1, r1, r11\n\t"                                                                                          \
    "cmp r0, r7\n\t"                                                                                               \
    "bne 3b\n\t"                                                                                                   \
    "ldrd r8, r9, [r2, #40]\n\t"                                                                                   \
    "add r0, r0, r8\n\t"                                                                                           \
    "sub r0, r0, #" half "\n\t"                                                                                    \
    "add r1, r1, r9\n\t"                                                                                           \
    "sub r1, r1, r10, lsl #1\n\t"                                                                                  \
    "add r7, r7, #" half "\n\t"                                                                                    \
    "ldr r8, [r2, #52]\n\t"                                                                                        \
    "lsls r8, r8, #31\n\t"                                                                                         \
    "4:\n\t"                                                                                                       \
    "bpl 6f\n\t"                                                                                                   \
    "5:\n\t" TINYML_PLANAR_SUMS("r8, r9", TINYML_PLANAR_THIRD_##stride, TINYML_PLANAR_ONE("r0"),                   \
                                TINYML_PLANAR_ONE("r0"), TINYML_PLANAR_ONE(TINYML_PLANAR_THIRD_##stride))          \
    TINYML_PLANAR_BEFORE_##form TINYML_PLANAR_##form("lr") TINYML_PLANAR_AFTER_##form                              \
    "strb lr, [r1]\n\t"                                                                                            \
    "add r1, r1, r11\n\t"                                                                                          \
    "cmp r0, r7\n\t"                                                                                               \
    "bne 5b\n\t"                                                                                                   \
    "6:\n\t" TINYML_PLANAR_LEAVE

/* Statements that compute a channel; `strips` is the text of TINYML_PLANAR_STRIPS. */
#define TINYML_PLANAR_RUN(strips, how, from, to, pitch_bytes, strip_end)                                           \
    do {                                                                                                           \
        register const int16_t *plane_ __asm("r0") = (from);                                                       \
        register int8_t *output_ __asm("r1") = (to);                                                               \
        register int32_t *constants_ __asm("r2") = (how)->weights;                                                 \
        register int32_t pitch_ __asm("r3") = (pitch_bytes);                                                       \
        register const int16_t *end_ __asm("r12") = (strip_end);                                                   \
        __asm volatile(strips                                                                                      \
                       : "+r"(plane_), "+r"(output_), "+r"(end_)                                                   \
                       : "r"(constants_), "r"(pitch_)                                                              \
                       : TINYML_PLANAR_CLOBBERED "r4", "r5", "r6", "r8", "r9", "r10", "r11", "lr", "cc", "memory");\
    } while (0)

/* A line of the window, `bits` up, as the loops take it. */
static inline void tinyml_planar_put_line(const int8_t *weights, int32_t bits, int32_t *line)
{
    const int32_t w0 = weights[0] * (1 << bits);
    const int32_t w1 = weights[1] * (1 << bits);
    const int32_t w2 = weights[2] * (1 << bits);
#if defined(TINYML_DSP)
    __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(line[0]) : "r"(w0), "r"(w1));
    __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(line[1]) : "r"(w1), "r"(w2));
#else
    line[0] = w0;
    line[1] = w1;
    line[2] = w2;
#endif
}

/* The strips' constants that all channels share; returns the elements from a plane to where its first strip ends. */
static inline int32_t tinyml_planar_shared(const tinyml_depthwise_planar *p, int32_t stride,
                                           tinyml_planar_strips *strips)
{
    const int32_t lines = p->output_lines * stride * p->pitch; /* elements that a strip goes down */
    strips->step = p->output_step;
    strips->thrice = 3 * p->output_step;
    strips->line_step = p->output_line_step;
    strips->next_strip = 2 * (4 * stride - lines);
    strips->next_output = 4 * p->output_step - p->output_lines * p->output_line_step;
    strips->rest = p->output_length & 3;
    return lines;
}

/* The constants of an output channel. */
static inline void tinyml_planar_prepare(const tinyml_planar_channel *to, const int8_t *weights,
                                         tinyml_planar_strips *strips)
{
    const int32_t of_line = TINYML_PLANAR_LINE_WORDS;
    __asm("" : "+r"(strips)); /* or the compiler keeps the address of each member on the stack */
    tinyml_planar_put_line(weights, to->bits, strips->weights);
    strips->weights[of_line] = to->bias;
    tinyml_planar_put_line(weights + 3, to->bits, strips->weights + of_line + 1);
    tinyml_planar_put_line(weights + 6, to->bits, strips->weights + 2 * of_line + 1);
    strips->multiplier = to->multiplier;
    strips->offset = to->offset;
    if (to->negative) {
        strips->shift = to->shift;
    }
}

#endif
