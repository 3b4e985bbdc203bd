#include "tinyml_conv_packed_s8.h"

#include "tinyml_math.h"

#define PACKED_BITS 8
#define PACKED_SECOND_SHIFT 11
#define PACKED_FIRST_TAPS                                                                                    \
    "ldr lr, [r1], #4\n\t"                                                                                   \
    "sxtb16 r12, lr\n\t"                                                                                     \
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
    "ldr lr, [r1], #4\n\t"                                                                                   \
    "sxtb16 r12, lr\n\t"                                                                                     \
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
#define PACKED_TAPS_BYTES 48
#define PACKED_UNROLLED 16
#define PACKED_ONE_TURN 0
#define PACKED_SEPARATE                                                                                      \
    "sub r6, r6, r2\n\t"                                                                                     \
    "sub r7, r7, r3\n\t"                                                                                     \
    "sub r8, r8, r4\n\t"                                                                                     \
    "sub r9, r9, r5\n\t"
#define PACKED_DOUBLE "asr \\sum, \\sum, #7\n\t"
#define PACKED_PIXEL_TAPS                                                                                    \
    "ldrd r4, r5, [r1], #8\n\t"                                                                              \
    "ldr r6, [r0], #16\n\t"                                                                                  \
    "ldr r8, [r0], #16\n\t"                                                                                  \
    "smlad r3, r4, r6, r3\n\t"                                                                               \
    "sxtb16 r4, r4\n\t"                                                                                      \
    "smlad r3, r5, r8, r3\n\t"                                                                               \
    "sxtb16 r5, r5\n\t"                                                                                      \
    "smlad r2, r4, r6, r2\n\t"                                                                               \
    "smlad r2, r5, r8, r2\n\t"

#if !defined(TINYML_PACKED_ASM)
static inline void tinyml_packed_step(uint32_t x, const int32_t **weights, uint32_t *first, uint32_t *second)
{
    const uint32_t both = (uint32_t)*(*weights)++;
    *first = tinyml_dot_halves(tinyml_even_bytes(both), x, *first);
    *second = tinyml_dot_halves(both, x, *second);
}
#endif

#include "tinyml_packed_blocks.h"

void tinyml_conv_packed_s8(const tinyml_conv_packed_s8_params *params, const int8_t *input, int8_t *output,
                           int8_t *scratch)
{
    tinyml_packed_conv(params, input, output, scratch);
}
