#include "tinyml_fully_connected_packed_s8.h"

#include "tinyml_packed_outputs.h"

#define CHANNELS 4 /* a pass over the input */

#if defined(TINYML_PACKED_ASM)

#define UNROLLED 4 /* fours of taps a turn */
#define CODE_BYTES 56 /* of four taps: fourteen instructions */
#define SECOND_SHIFT 11

/* Two taps of two channels: `w` is their word of weights, `x` the halfwords of the input. */
#define TAPS(first, both, w, x)                                                                              \
    "sxtb16 r12, " w "\n\t"                                                                                  \
    "smlad " both ", " w ", " x ", " both "\n\t"                                                             \
    "smlad " first ", r12, " x ", " first "\n\t"

/* The outputs of a pair, by one multiplication each or at `exact`, which comes back to `done`. */
#define OUTPUTS(first, second, exact, done)                                                                  \
    "ldm r1!, {r6-r9}\n\t"                                                                                   \
    "cmp r6, #0\n\t"                                                                                         \
    "blt " exact "f\n\t"                                                                                     \
    "smmlar " first ", " first ", r6, r7\n\t"                                                                \
    "smmlar " second ", " second ", r8, r9\n\t"                                                              \
    "ssat " first ", #8, " first ", asr #" PACKED_TEXT(PACKED_FIRST_SHIFT) "\n\t"                            \
    "ssat " second ", #8, " second ", asr #" PACKED_TEXT(SECOND_SHIFT) "\n"                                  \
    done ":\n\t"

/* TFLM's arithmetic: twice the sum, times the multiplier, less one where negative, shifted. */
#define EXACT(sum, multiplier)                                                                               \
    "add r12, r7, " sum ", asr #31\n\t"                                                                      \
    "smmlar " sum ", " sum ", " multiplier ", r12\n\t"                                                       \
    "asr " sum ", " sum ", r8\n\t"                                                                           \
    "ssat " sum ", #8, " sum "\n\t"
#define EXACT_OUTPUTS(first, second, exact, done)                                                            \
    exact ":\n\t"                                                                                            \
    "bic r6, r6, #0x80000000\n\t"                                                                            \
    "lsl " first ", " first ", #1\n\t"                                                                       \
    EXACT(first, "r6")                                                                                       \
    "ldm r1!, {r7, r8}\n\t"                                                                                  \
    "asr " second ", " second ", #7\n\t"                                                                     \
    EXACT(second, "r9")                                                                                      \
    "b " done "b\n"

typedef struct {
    uint32_t entry; /* where the loop over taps is entered, as these need not fill its last turn */
    int8_t *output;
    const uint32_t *begin, *end; /* of the staged input */
    const int8_t *output_end;
} loop_state;

#define ENTRY PACKED_SLOT(entry, 0)
#define OUTPUT PACKED_SLOT(output, 4)
#define BEGIN PACKED_SLOT(begin, 8)
#define END PACKED_SLOT(end, 12)
#define OUTPUT_END PACKED_SLOT(output_end, 16)

/* The outputs of a multiple of four channels; answers the rest of the stream. */
__attribute__((noinline)) static const int32_t *outputs(const uint32_t *staged, int32_t taps,
                                                        const int32_t *stream, int8_t *output, int32_t channels)
{
    loop_state state = {(uint32_t)(-(taps / 4) & (UNROLLED - 1)) * CODE_BYTES, output, staged, staged + taps / 2,
                        output + channels};
    register const uint32_t *input __asm("r0") = staged;
    register const int32_t *constants __asm("r1") = stream;
    register loop_state *kept __asm("r2") = &state;
    __asm volatile(
        PACKED_ENTER("20", "r3-r7")
        "ldr r12, " ENTRY "\n\t"
        "adr r2, 3f\n\t"
        "add r12, r12, r2\n\t"
        "orr r12, r12, #1\n\t"
        "str r12, " ENTRY "\n\t"
        "ldr lr, " END "\n"
        "2:\n\t"
        "ldm r1!, {r2-r5}\n\t"
        "ldr pc, " ENTRY "\n"
        ".balign 4\n" /* for adr, which counts in words */
        "3:\n\t"
        ".rept " PACKED_TEXT(UNROLLED) "\n\t"
        "ldm r1!, {r6-r9}\n\t"
        "ldrd r10, r11, [r0], #8\n\t"
        TAPS("r2", "r3", "r6", "r10")
        TAPS("r4", "r5", "r7", "r10")
        TAPS("r2", "r3", "r8", "r11")
        TAPS("r4", "r5", "r9", "r11")
        ".endr\n\t"
        "cmp r0, lr\n\t"
        "bne 3b\n\t"
        "sub r3, r3, r2\n\t"
        "sub r5, r5, r4\n\t"
        OUTPUTS("r2", "r3", "4", "5")
        OUTPUTS("r4", "r5", "6", "7")
        "ldr r12, " OUTPUT "\n\t"
        "strb r3, [r12, #1]\n\t"
        "strb r4, [r12, #2]\n\t"
        "strb r5, [r12, #3]\n\t"
        "strb r2, [r12], #4\n\t"
        "str r12, " OUTPUT "\n\t"
        "ldr r0, " BEGIN "\n\t"
        "ldr r10, " OUTPUT_END "\n\t"
        "cmp r12, r10\n\t"
        "bne 2b\n\t"
        "b 8f\n"
        EXACT_OUTPUTS("r2", "r3", "4", "5")
        EXACT_OUTPUTS("r4", "r5", "6", "7")
        "8:\n\t" PACKED_LEAVE("20")
        : "+r"(input), "+r"(constants), "+r"(kept)
          PACKED_OPERANDS([entry] "+m"(state.entry), [output] "+m"(state.output), [begin] "+m"(state.begin),
                          [end] "+m"(state.end), [output_end] "+m"(state.output_end))
        :
        : PACKED_CLOBBERED, "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return constants;
}

#else

static const int32_t *outputs(const uint32_t *staged, int32_t taps, const int32_t *stream, int8_t *output,
                              int32_t channels)
{
    for (int32_t channel = 0; channel < channels; channel += CHANNELS) {
        const int32_t *const weights = stream + CHANNELS;
        const int32_t *constants = weights + taps;
        for (int32_t pair = 0; pair < 2; ++pair) {
            uint32_t first = (uint32_t)stream[2 * pair];
            uint32_t both = (uint32_t)stream[2 * pair + 1];
            for (int32_t word = 0; word < taps / 2; ++word) {
                const uint32_t w = (uint32_t)weights[2 * word + pair];
                first = tinyml_dot_halves(tinyml_even_bytes(w), staged[word], first);
                both = tinyml_dot_halves(w, staged[word], both);
            }
            const int32_t sums[2] = {(int32_t)first, (int32_t)(both - first)};
            constants = tinyml_packed_outputs(sums, 8, constants, output + channel + 2 * pair);
        }
        stream = constants;
    }
    return stream;
}

#endif

/* Halfwords 0 and 2, then 1 and 3 of every four; zeros at the end. */
static void stage(const int8_t *input, int32_t length, uint32_t *staged)
{
    const int8_t *const end = input + (length & ~3);
    while (input != end) {
        const tinyml_bytes four = tinyml_take_bytes(&input);
        *staged++ = four.even;
        *staged++ = four.odd;
    }
    if (length & 3) {
        int8_t rest[4] = {0, 0, 0, 0};
        const int8_t *from = rest;
        for (int32_t i = 0; i < (length & 3); ++i) {
            rest[i] = input[i];
        }
        const tinyml_bytes four = tinyml_take_bytes(&from);
        *staged++ = four.even;
        *staged = four.odd;
    }
}

void tinyml_fully_connected_packed_s8(const tinyml_fully_connected_packed_s8_params *params, const int8_t *input,
                                      int8_t *output, int8_t *scratch)
{
    const int32_t taps = (params->input_channels + 3) & ~3;
    const int32_t channels = params->output_channels;
    const int32_t full = channels & ~(CHANNELS - 1);
    uint32_t *const staged = (uint32_t *)(void *)scratch;
    for (int32_t row = 0; row < params->rows; ++row) {
        const int32_t *stream = params->stream;
        stage(input, params->input_channels, staged);
        if (full > 0) {
            stream = outputs(staged, taps, stream, output, full);
        }
        if (full < channels) {
            int8_t last[CHANNELS];
            (void)outputs(staged, taps, stream, last, CHANNELS);
            for (int32_t channel = full; channel < channels; ++channel) {
                output[channel] = last[channel - full];
            }
        }
        input += params->input_channels;
        output += channels;
    }
}
