/*
 * The loop over blocks of two channels by four pixels, for the source file of a packed kernel. One that includes
 * this defines before
 *
 *     tinyml_packed_step    an inline function, for what is not in assembly: adds two taps of a pixel to the sums of two channels
 *     PACKED_BITS           0 or 8: the second channel's sums come times 2^PACKED_BITS
 *     PACKED_SECOND_SHIFT   PACKED_FIRST_SHIFT + PACKED_BITS, one literal
 *
 * and with TINYML_PACKED_ASM in assembly, where r0 walks along the staged windows and r1 along the stream, r2 to
 * r5 sum up the first channel at the four pixels and r6 to r9 what makes the second,
 *
 *     PACKED_FIRST_TAPS     the first two taps, with the sums' starts in r2 and r6
 *     PACKED_TAPS           two more
 *     PACKED_TAPS_BYTES     of the code of these
 *     PACKED_PIXEL_TAPS     four taps of a single pixel, whose sums are r2 and r3, with r4 to r6 and r8 to r10
 *     PACKED_UNROLLED       pairs of taps a turn, a power of two
 *     PACKED_ONE_TURN       1 where most layers take no second turn, else 0
 *     PACKED_SEPARATE       turns r6 to r9 into the second channel's sums, times 2^PACKED_BITS
 *     PACKED_DOUBLE         turns one of them, \sum, into twice the sum without that factor
 */
#ifndef TINYML_PACKED_BLOCKS_H
#define TINYML_PACKED_BLOCKS_H

#include "tinyml_packed_outputs.h"

/* The outputs of two channels at the first pixel; answers the rest of the stream. */
static const int32_t *tinyml_packed_pixel(const uint32_t *staged, const tinyml_packed *params,
                                          const int32_t *stream, int8_t *to)
{
    const uint32_t *const end = staged + 2 * params->stage.taps;
#if defined(TINYML_PACKED_ASM)
    register const uint32_t *windows __asm("r0") = staged;
    register const int32_t *weights __asm("r1") = stream + 2;
    register uint32_t first __asm("r2") = (uint32_t)stream[0];
    register uint32_t second __asm("r3") = (uint32_t)stream[1];
    __asm volatile("1:\n\t" PACKED_PIXEL_TAPS "cmp r0, %[end]\n\t"
                   "bne 1b"
                   : "+r"(windows), "+r"(weights), "+r"(first), "+r"(second)
                   : [end] "r"(end)
                   : "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory");
#else
    const int32_t *weights = stream + 2;
    uint32_t first = (uint32_t)stream[0];
    uint32_t second = (uint32_t)stream[1];
    for (; staged < end; staged += TINYML_STAGED) {
        tinyml_packed_step(*staged, &weights, &first, &second);
    }
#endif
    const int32_t sums[2] = {(int32_t)first, (int32_t)(PACKED_BITS ? second - first : second)};
    return tinyml_packed_outputs(sums, PACKED_BITS, weights, to);
}

#if defined(TINYML_PACKED_ASM)

/* Behind the staged windows, where the loop over their taps ends: what is needed then. */
typedef struct {
    int32_t stride, thrice; /* 0: bytes from pixel to pixel */
    int8_t *output;         /* 8: of the next pair */
    const int8_t *output_end;
    const uint32_t *begin; /* 16: of the staged windows */
} tinyml_packed_place;

/* What the loop keeps on the stack. */
typedef struct {
    uint32_t entry;     /* where it is entered, as the taps need not fill its last turn */
    uint32_t next;      /* where it goes on after a turn; before, 1 where there is but one and no pair is exact */
    const uint8_t *end; /* of the staged windows; a byte less where some pair is exact */
} tinyml_packed_loop;

#define PACKED_ENTRY PACKED_SLOT(entry, 0)
#define PACKED_NEXT PACKED_SLOT(next, 4)
#define PACKED_END PACKED_SLOT(end, 8)

/* Without a second turn the test for it is left out, and that for exact pairs. */
#if PACKED_ONE_TURN
#define PACKED_FIND_NEXT                                                                                     \
    "ldr r12, " PACKED_NEXT "\n\t"                                                                          \
    "adr r2, 4f\n\t"                                                                                         \
    "adr r3, 5f\n\t"                                                                                         \
    "cmp r12, #0\n\t"                                                                                        \
    "it ne\n\t"                                                                                              \
    "movne r2, r3\n\t"                                                                                       \
    "orr r2, r2, #1\n\t"                                                                                     \
    "str r2, " PACKED_NEXT "\n"
#define PACKED_GO_ON "ldr pc, " PACKED_NEXT "\n"
#define PACKED_ALIGNED ".balign 4\n" /* for adr, which counts in words */
#else
#define PACKED_FIND_NEXT
#define PACKED_GO_ON
#define PACKED_ALIGNED
#endif

/*
 * The outputs of `channels` channels, an even number, at four pixels that are `stride` bytes apart; `exact` where
 * some pair takes TFLM's arithmetic. taps: a multiple of 4. Answers the rest of the stream.
 */
__attribute__((noinline)) static const int32_t *
tinyml_packed_pairs(uint32_t *staged, const tinyml_packed *params, const int32_t *stream, int8_t *output,
                    int32_t stride, int32_t channels)
{
    const int32_t taps = params->stage.taps;
    uint32_t *const end = staged + 2 * taps;
    tinyml_packed_loop state = {(uint32_t)((1 - taps / 2) & (PACKED_UNROLLED - 1)) * PACKED_TAPS_BYTES,
                                taps <= 2 * PACKED_UNROLLED && !params->exact,
                                (const uint8_t *)end - params->exact};
    register const uint32_t *windows __asm("r0") = staged;
    register const int32_t *constants __asm("r1") = stream;
    register tinyml_packed_loop *kept __asm("r2") = &state;
    const tinyml_packed_place place = {stride, 3 * stride, output, output + channels, staged};
    *(tinyml_packed_place *)(void *)end = place;
    __asm volatile(
        PACKED_ENTER("12", "r3-r5")
        "ldr r12, " PACKED_ENTRY "\n\t"
        "adr r2, 3f\n\t"
        "add r12, r12, r2\n\t"
        "orr r12, r12, #1\n\t"
        "str r12, " PACKED_ENTRY "\n\t"
        PACKED_FIND_NEXT
        "2:\n\t"
        "ldrd r2, r6, [r1], #8\n\t"
        PACKED_FIRST_TAPS
        "ldr pc, " PACKED_ENTRY "\n"
        ".balign 4\n" /* for adr */
        "3:\n\t"
        ".rept " PACKED_TEXT(PACKED_UNROLLED) "\n\t"
        PACKED_TAPS
        ".endr\n\t"
        PACKED_GO_ON
        PACKED_ALIGNED
        "4:\n\t"
        "ldr r12, " PACKED_END "\n\t"
        "cmp r0, r12\n\t"
        "blo 3b\n\t"
        "bne 7f\n"
        PACKED_ALIGNED
        "5:\n\t"
        PACKED_SEPARATE
        "ldm r1!, {r10-r12, lr}\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "smmlar \\sum, \\sum, r10, r11\n\t"
        "ssat \\sum, #8, \\sum, asr #" PACKED_TEXT(PACKED_FIRST_SHIFT) "\n\t"
        ".endr\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "smmlar \\sum, \\sum, r12, lr\n\t"
        "ssat \\sum, #8, \\sum, asr #" PACKED_TEXT(PACKED_SECOND_SHIFT) "\n\t"
        ".endr\n"
        "6:\n\t"
        "ldm r0, {r10-r12, lr}\n\t" /* tinyml_packed_place */
        "strb r3, [r12, r10]\n\t"
        "strb r4, [r12, r10, lsl #1]\n\t"
        "strb r5, [r12, r11]\n\t"
        "strb r2, [r12], #1\n\t"
        "strb r7, [r12, r10]\n\t"
        "strb r8, [r12, r10, lsl #1]\n\t"
        "strb r9, [r12, r11]\n\t"
        "strb r6, [r12], #1\n\t"
        "str r12, [r0, #8]\n\t"
        "ldr r0, [r0, #16]\n\t"
        "cmp r12, lr\n\t"
        "bne 2b\n\t"
        "b 8f\n"
        /* TFLM's arithmetic: twice the sum, times the multiplier, less one where negative, shifted. */
        "7:\n\t"
        "ldr r12, [r1]\n\t"
        "cmp r12, #0\n\t"
        "bge 5b\n\t"
        PACKED_SEPARATE
        "ldm r1!, {r10-r12, lr}\n\t"
        "bic r10, r10, #0x80000000\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "lsl \\sum, \\sum, #1\n\t"
        "add r0, r11, \\sum, asr #31\n\t"
        "smmlar \\sum, \\sum, r10, r0\n\t"
        "asr \\sum, \\sum, r12\n\t"
        "ssat \\sum, #8, \\sum\n\t"
        ".endr\n\t"
        "ldm r1!, {r11, r12}\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        PACKED_DOUBLE
        "add r0, r11, \\sum, asr #31\n\t"
        "smmlar \\sum, \\sum, lr, r0\n\t"
        "asr \\sum, \\sum, r12\n\t"
        "ssat \\sum, #8, \\sum\n\t"
        ".endr\n\t"
        "ldr r0, " PACKED_END "\n\t"
        "add r0, r0, #1\n\t" /* some pair is exact */
        "b 6b\n"
        "8:\n\t" PACKED_LEAVE("12")
        : "+r"(windows), "+r"(constants), "+r"(kept)
          PACKED_OPERANDS([entry] "+m"(state.entry), [next] "+m"(state.next), [end] "+m"(state.end))
        :
        : PACKED_CLOBBERED, "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return constants;
}

#else

static const int32_t *tinyml_packed_pairs(uint32_t *staged, const tinyml_packed *params, const int32_t *stream,
                                          int8_t *output, int32_t stride, int32_t channels)
{
    for (int32_t channel = 0; channel < channels; channel += 2) {
        const int32_t *next = stream;
        for (int32_t pixel = 0; pixel < TINYML_STAGED; ++pixel) {
            next = tinyml_packed_pixel(staged + pixel, params, stream, output + pixel * stride + channel);
        }
        stream = next;
    }
    return stream;
}

#endif

/* The same for any number of channels and one to four pixels: what is too much goes nowhere. */
static inline void tinyml_packed_part(uint32_t *staged, const tinyml_packed *params, const int32_t *stream,
                                      int8_t *output, int32_t channels, int32_t pixels)
{
    const int32_t stride = params->stage.window.output_channels;
    int32_t channel = 0;
    for (; pixels == 1 && channel < (channels & ~1); channel += 2) {
        stream = tinyml_packed_pixel(staged, params, stream, output + channel);
    }
    for (; channel < channels; channel += 2) {
        int8_t block[2 * TINYML_STAGED];
        stream = tinyml_packed_pairs(staged, params, stream, block, 2, 2);
        for (int32_t pixel = 0; pixel < pixels; ++pixel) {
            output[pixel * stride + channel] = block[2 * pixel];
            if (channel + 1 < channels) {
                output[pixel * stride + channel + 1] = block[2 * pixel + 1];
            }
        }
    }
}

static inline void tinyml_packed_image(const tinyml_packed *params, const int8_t *input, int8_t *output,
                                       int8_t *scratch)
{
    const tinyml_window *w = &params->stage.window;
    const int32_t pixels = w->output_height * w->output_width;
    const int32_t channels = w->output_channels;
    uint32_t *const staged = (uint32_t *)(void *)scratch;
    int8_t *const spare = scratch + 8 * params->stage.taps + TINYML_PACKED_PLACE;
    for (int32_t first = 0; first < pixels; first += TINYML_STAGED) {
        const int32_t count = tinyml_min(TINYML_STAGED, pixels - first);
        const int32_t paired = count == TINYML_STAGED ? channels & ~1 : 0;
        const int32_t *stream = params->stream;
        tinyml_stage_windows(&params->stage, input, first, staged, spare);
        if (paired > 0) {
            stream = tinyml_packed_pairs(staged, params, stream, output, channels, paired);
        }
        tinyml_packed_part(staged, params, stream, output + paired, channels - paired, count);
        output += TINYML_STAGED * channels;
    }
}

static inline void tinyml_packed_conv(const tinyml_packed *params, const int8_t *input, int8_t *output,
                                      int8_t *scratch)
{
    const tinyml_window *w = &params->stage.window;
    for (int32_t image = 0; image < w->batches; ++image) {
        tinyml_packed_image(params, input, output, scratch);
        input += tinyml_input_image(w);
        output += tinyml_output_image(w);
    }
}

#endif
