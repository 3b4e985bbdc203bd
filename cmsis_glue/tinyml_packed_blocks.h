/*
 * The loop over blocks of two channels by four pixels, for the source file of a packed kernel. One that includes
 * this defines before
 *
 *     tinyml_packed_sums    a function: the sums of two channels at one pixel
 *     PACKED_WORDS          words of the stream for two taps
 *     PACKED_BITS           0 or 8: the second channel's sums come times 2^PACKED_BITS
 *     PACKED_SECOND_SHIFT   PACKED_FIRST_SHIFT + PACKED_BITS, one literal
 *
 * and with TINYML_PACKED_ASM in assembly, where r0 walks along the staged windows and r1 along the stream, r2 to
 * r5 sum up the first channel at the four pixels and r6 to r9 what makes the second,
 *
 *     PACKED_FIRST_TAPS     the first two taps, with the sums' starts in r2 and r6
 *     PACKED_TAPS           two more
 *     PACKED_TAPS_BYTES     of the code of these
 *     PACKED_SEPARATE       turns r6 to r9 into the second channel's sums, times 2^PACKED_BITS
 *     PACKED_DOUBLE         turns one of them, \sum, into twice the sum without that factor
 */
#ifndef TINYML_PACKED_BLOCKS_H
#define TINYML_PACKED_BLOCKS_H

#include "tinyml_packed_outputs.h"

#define PACKED_UNROLLED 16 /* pairs of taps a turn */

/* The outputs of two channels at the first pixel; answers the rest of the stream. */
static const int32_t *tinyml_packed_pixel(const uint32_t *staged, int32_t taps, const int32_t *stream, int8_t *to)
{
    int32_t sums[2];
    tinyml_packed_sums(staged, taps, stream, sums);
    return tinyml_packed_outputs(sums, PACKED_BITS, stream + 2 + taps / 2 * PACKED_WORDS, to);
}

#if defined(TINYML_PACKED_ASM)

/*
 * The outputs of `channels` channels, an even number, at four pixels that are `stride` bytes apart.
 * taps: a multiple of 4. Answers the rest of the stream.
 */
__attribute__((noinline)) static const int32_t *
tinyml_packed_pairs(const uint32_t *staged, int32_t taps, const int32_t *stream, int8_t *output, int32_t stride,
                    int32_t channels)
{
    tinyml_packed_state state = {(uint32_t)((1 - taps / 2) & (PACKED_UNROLLED - 1)) * PACKED_TAPS_BYTES,
                                 output,
                                 stride,
                                 3 * stride,
                                 staged,
                                 staged + 2 * taps,
                                 output + channels};
    register const uint32_t *windows __asm("r0") = staged;
    register const int32_t *constants __asm("r1") = stream;
    register tinyml_packed_state *kept __asm("r2") = &state;
    __asm volatile(
        PACKED_ENTER
        "ldr r12, " PACKED_ENTRY "\n\t"
        "adr r2, 3f\n\t"
        "add r12, r12, r2\n\t"
        "orr r12, r12, #1\n\t"
        "str r12, " PACKED_ENTRY "\n"
        "2:\n\t"
        "ldrd r2, r6, [r1], #8\n\t"
        PACKED_FIRST_TAPS
        "ldr pc, " PACKED_ENTRY "\n"
        ".balign 4\n" /* for adr, which counts in words */
        "3:\n\t"
        ".rept " PACKED_TEXT(PACKED_UNROLLED) "\n\t"
        PACKED_TAPS
        ".endr\n\t"
        "ldr r12, " PACKED_END "\n\t"
        "cmp r0, r12\n\t"
        "bne 3b\n\t"
        PACKED_SEPARATE
        "ldm r1!, {r10-r12, lr}\n\t"
        "cmp r10, #0\n\t"
        "blt 5f\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "smmlar \\sum, \\sum, r10, r11\n\t"
        "ssat \\sum, #8, \\sum, asr #" PACKED_TEXT(PACKED_FIRST_SHIFT) "\n\t"
        ".endr\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "smmlar \\sum, \\sum, r12, lr\n\t"
        "ssat \\sum, #8, \\sum, asr #" PACKED_TEXT(PACKED_SECOND_SHIFT) "\n\t"
        ".endr\n"
        "4:\n\t"
        "ldr r12, " PACKED_OUTPUT "\n\t"
        "ldrd lr, r10, " PACKED_STRIDES "\n\t"
        "strb r3, [r12, lr]\n\t"
        "strb r4, [r12, lr, lsl #1]\n\t"
        "strb r5, [r12, r10]\n\t"
        "strb r2, [r12], #1\n\t"
        "strb r7, [r12, lr]\n\t"
        "strb r8, [r12, lr, lsl #1]\n\t"
        "strb r9, [r12, r10]\n\t"
        "strb r6, [r12], #1\n\t"
        "str r12, " PACKED_OUTPUT "\n\t"
        "ldr r0, " PACKED_BEGIN "\n\t"
        "ldr r10, " PACKED_OUTPUT_END "\n\t"
        "cmp r12, r10\n\t"
        "bne 2b\n\t"
        "b 6f\n"
        /* TFLM's arithmetic: twice the sum, times the multiplier, less one where negative, shifted. */
        "5:\n\t"
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
        "b 4b\n"
        "6:\n\t" PACKED_LEAVE
        : "+r"(windows), "+r"(constants), "+r"(kept) PACKED_OPERANDS(state)
        :
        : PACKED_CLOBBERED, "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return constants;
}

#else

static const int32_t *tinyml_packed_pairs(const uint32_t *staged, int32_t taps, const int32_t *stream,
                                          int8_t *output, int32_t stride, int32_t channels)
{
    for (int32_t channel = 0; channel < channels; channel += 2) {
        const int32_t *next = stream;
        for (int32_t pixel = 0; pixel < TINYML_STAGED; ++pixel) {
            next = tinyml_packed_pixel(staged + pixel, taps, stream, output + pixel * stride + channel);
        }
        stream = next;
    }
    return stream;
}

#endif

/* The same for any number of channels and one to four pixels: what is too much goes nowhere. */
static inline const int32_t *tinyml_packed_part(const uint32_t *staged, int32_t taps, const int32_t *stream,
                                                int8_t *output, int32_t stride, int32_t channels, int32_t pixels)
{
    for (int32_t channel = 0; channel < channels; channel += 2) {
        int8_t block[2 * TINYML_STAGED];
        stream = pixels == 1 ? tinyml_packed_pixel(staged, taps, stream, block)
                             : tinyml_packed_pairs(staged, taps, stream, block, 2, 2);
        for (int32_t pixel = 0; pixel < pixels; ++pixel) {
            output[pixel * stride + channel] = block[2 * pixel];
            if (channel + 1 < channels) {
                output[pixel * stride + channel + 1] = block[2 * pixel + 1];
            }
        }
    }
    return stream;
}

static inline void tinyml_packed_image(const tinyml_packed *params, const int8_t *input, int8_t *output,
                                       int8_t *scratch)
{
    const tinyml_window *w = &params->stage.window;
    const int32_t pixels = w->output_height * w->output_width;
    const int32_t channels = w->output_channels;
    const int32_t taps = params->stage.taps;
    uint32_t *const staged = (uint32_t *)(void *)scratch;
    for (int32_t first = 0; first < pixels; first += TINYML_STAGED) {
        const int32_t count = tinyml_min(TINYML_STAGED, pixels - first);
        const int32_t paired = count == TINYML_STAGED ? channels & ~1 : 0;
        const int32_t *stream = params->stream;
        tinyml_stage_windows(&params->stage, input, first, staged, scratch + 8 * taps);
        if (paired > 0) {
            stream = tinyml_packed_pairs(staged, taps, stream, output, channels, paired);
        }
        tinyml_packed_part(staged, taps, stream, output + paired, channels, channels - paired, count);
        output += TINYML_STAGED * channels;
    }
}

static inline void tinyml_packed_conv(const tinyml_packed *params, const int8_t *input, int8_t *output,
                                      int8_t *scratch)
{
    const tinyml_window *w = &params->stage.window;
    for (int32_t image = 0; image < w->batches; ++image) {
        tinyml_packed_image(params, input, output, scratch);
        input += w->input_height * w->input_width * w->input_channels;
        output += w->output_height * w->output_width * w->output_channels;
    }
}

#endif
