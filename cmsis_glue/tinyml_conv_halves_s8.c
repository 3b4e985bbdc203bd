#include "tinyml_conv_halves_s8.h"

#define PACKED_BITS 0
#define PACKED_SECOND_SHIFT 3
#define PACKED_WORDS 2
#define PACKED_FIRST_TAPS                                                                                    \
    "ldrd r12, lr, [r1], #8\n\t"                                                                             \
    "ldrd r10, r11, [r0], #8\n\t"                                                                            \
    "smlad r3, r12, r11, r2\n\t"                                                                             \
    "smlad r7, lr, r11, r6\n\t"                                                                              \
    "ldrd r4, r5, [r0], #8\n\t"                                                                              \
    "smlad r8, lr, r4, r6\n\t"                                                                               \
    "smlad r4, r12, r4, r2\n\t"                                                                              \
    "smlad r9, lr, r5, r6\n\t"                                                                               \
    "smlad r5, r12, r5, r2\n\t"                                                                              \
    "smlad r2, r12, r10, r2\n\t"                                                                             \
    "smlad r6, lr, r10, r6\n\t"
#define PACKED_TAPS                                                                                          \
    "ldrd r12, lr, [r1], #8\n\t"                                                                             \
    "ldrd r10, r11, [r0], #8\n\t"                                                                            \
    "smlad r2, r12, r10, r2\n\t"                                                                             \
    "smlad r6, lr, r10, r6\n\t"                                                                              \
    "smlad r3, r12, r11, r3\n\t"                                                                             \
    "smlad r7, lr, r11, r7\n\t"                                                                              \
    "ldrd r10, r11, [r0], #8\n\t"                                                                            \
    "smlad r4, r12, r10, r4\n\t"                                                                             \
    "smlad r8, lr, r10, r8\n\t"                                                                              \
    "smlad r5, r12, r11, r5\n\t"                                                                             \
    "smlad r9, lr, r11, r9\n\t"
#define PACKED_TAPS_BYTES 44
#define PACKED_SEPARATE
#define PACKED_DOUBLE "lsl \\sum, \\sum, #1\n\t"

static void tinyml_packed_sums(const uint32_t *staged, int32_t taps, const int32_t *stream, int32_t sums[2])
{
    uint32_t first = (uint32_t)stream[0];
    uint32_t second = (uint32_t)stream[1];
    for (int32_t word = 0; word < taps / 2; ++word) {
        const uint32_t x = staged[word * TINYML_STAGED];
        first = tinyml_dot_halves((uint32_t)stream[2 + 2 * word], x, first);
        second = tinyml_dot_halves((uint32_t)stream[3 + 2 * word], x, second);
    }
    sums[0] = (int32_t)first;
    sums[1] = (int32_t)second;
}

#include "tinyml_packed_blocks.h"

void tinyml_conv_halves_s8(const tinyml_conv_halves_s8_params *params, const int8_t *input, int8_t *output,
                           int8_t *scratch)
{
    tinyml_packed_conv(params, input, output, scratch);
}
