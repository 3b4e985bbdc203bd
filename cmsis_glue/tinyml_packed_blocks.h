/*
 * The loop over blocks of two channels by four pixels, for the source file of a packed kernel. One that includes
 * this defines before
 *
 *     PACKED_BITS           0 or 8: the second channel's sums come times 2^PACKED_BITS
 *     PACKED_SECOND_SHIFT   PACKED_FIRST_SHIFT + PACKED_BITS, one literal
 *
 * and without TINYML_PACKED_ASM
 *
 *     PACKED_WORDS          words of the stream for two taps
 *     tinyml_packed_sums    a function: the sums of two channels at one pixel
 *
 * or with it the assembly of
 *
 *     PACKED_TAPS           two taps: r0 walks along the staged windows and r1 along the stream, r2 to r5 sum up
 *                           the first channel at the four pixels, r6 to r9 what makes the second
 *     PACKED_TAPS_BYTES     of its code
 *     PACKED_SEPARATE       turns r6 to r9 into the second channel's sums, times 2^PACKED_BITS
 *     PACKED_DOUBLE         turns one of them, \sum, into twice the sum without that factor
 */
#ifndef TINYML_PACKED_BLOCKS_H
#define TINYML_PACKED_BLOCKS_H

#include "tinyml_math.h"
#include "tinyml_packed.h"

#define PACKED_FIRST_SHIFT 3 /* of a proven channel, after the multiplication */

#if defined(TINYML_PACKED_ASM)

#define PACKED_TEXT_OF(x) #x
#define PACKED_TEXT(x) PACKED_TEXT_OF(x)
#define PACKED_UNROLLED 8 /* pairs of taps a turn */

/* What the loops keep in memory: they need every register but the stack pointer. */
typedef struct {
    uint32_t entry; /* where the loop over taps is entered, as these need not fill its last turn */
    int8_t *output;
    int32_t stride, thrice;
    const uint32_t *begin, *end; /* of the staged windows */
    const int8_t *output_end;
} tinyml_packed_state;

#if defined(__clang__)
/* Clang wants a register for each operand in memory, and r7 for itself: both go onto the stack by hand. */
#define PACKED_ENTER "push {r7}\n\tsub sp, #28\n\tldm r2, {r3-r9}\n\tstm sp, {r3-r9}\n\t"
#define PACKED_LEAVE "add sp, #28\n\tpop {r7}"
#define PACKED_SLOT(name, offset) "[sp, #" #offset "]"
#define PACKED_OPERANDS(state)
#define PACKED_CLOBBERED "r3"
#else
/* As operands the compiler counts them as stack of this function. */
#define PACKED_ENTER
#define PACKED_LEAVE
#define PACKED_SLOT(name, offset) "%[" #name "]"
#define PACKED_OPERANDS(state)                                                                               \
    , [entry] "+m"(state.entry), [output] "+m"(state.output), [stride] "+m"(state.stride),                   \
        [begin] "+m"(state.begin), [end] "+m"(state.end), [output_end] "+m"(state.output_end)
#define PACKED_CLOBBERED "r3", "r7"
#endif
#define PACKED_ENTRY PACKED_SLOT(entry, 0)
#define PACKED_OUTPUT PACKED_SLOT(output, 4)
#define PACKED_STRIDES PACKED_SLOT(stride, 8)
#define PACKED_BEGIN PACKED_SLOT(begin, 16)
#define PACKED_END PACKED_SLOT(end, 20)
#define PACKED_OUTPUT_END PACKED_SLOT(output_end, 24)

/*
 * The outputs of `channels` channels, an even number, at four pixels that are `stride` bytes apart.
 * taps: a multiple of 4. Answers the rest of the stream.
 */
__attribute__((noinline)) static const int32_t *
tinyml_packed_pairs(const uint32_t *staged, int32_t taps, const int32_t *stream, int8_t *output, int32_t stride,
                    int32_t channels)
{
    tinyml_packed_state state = {(uint32_t)(-(taps / 2) & (PACKED_UNROLLED - 1)) * PACKED_TAPS_BYTES,
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
        "mov r3, r2\n\t"
        "mov r4, r2\n\t"
        "mov r5, r2\n\t"
        "mov r7, r6\n\t"
        "mov r8, r6\n\t"
        "mov r9, r6\n\t"
        "ldr pc, " PACKED_ENTRY "\n"
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

/* One output of a proven channel; `constants` are its multiplier and offset. */
static inline int8_t tinyml_packed_proven(int32_t sum, const int32_t *constants, int32_t shift)
{
    const int64_t wide = (int64_t)sum * constants[0] + constants[1] * ((int64_t)1 << 32);
    const int32_t high = (int32_t)((wide + ((int64_t)1 << 31)) >> 32);
    return (int8_t)tinyml_clamp(high >> shift, INT8_MIN, INT8_MAX);
}

/* One output by TFLM's arithmetic; `constants` are the channel's multiplier, offset and shift. */
static inline int8_t tinyml_packed_exact(int32_t sum, const int32_t *constants)
{
    const int32_t high = tinyml_doubling_high_mul(sum, constants[0] & INT32_MAX);
    const int32_t away = sum < 0 ? 1 : 0; /* halves are rounded away from zero */
    return (int8_t)tinyml_clamp((high + constants[1] - away) >> constants[2], INT8_MIN, INT8_MAX);
}

/* As above. */
static const int32_t *tinyml_packed_pairs(const uint32_t *staged, int32_t taps, const int32_t *stream,
                                          int8_t *output, int32_t stride, int32_t channels)
{
    for (int32_t channel = 0; channel < channels; channel += 2) {
        const int32_t *const constants = stream + 2 + taps / 2 * PACKED_WORDS;
        const int exact = constants[0] < 0;
        for (int32_t pixel = 0; pixel < TINYML_STAGED; ++pixel) {
            int8_t *const to = output + pixel * stride + channel;
            int32_t sums[2];
            tinyml_packed_sums(staged + pixel, taps, stream, sums);
            if (exact) {
                to[0] = tinyml_packed_exact(sums[0], constants);
                to[1] = tinyml_packed_exact(sums[1] >> PACKED_BITS, constants + 3);
            } else {
                to[0] = tinyml_packed_proven(sums[0], constants, PACKED_FIRST_SHIFT);
                to[1] = tinyml_packed_proven(sums[1], constants + 2, PACKED_SECOND_SHIFT);
            }
        }
        stream = constants + (exact ? 6 : 4);
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
        stream = tinyml_packed_pairs(staged, taps, stream, block, 2, 2);
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
