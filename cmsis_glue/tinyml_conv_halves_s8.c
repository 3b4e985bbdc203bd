#include "tinyml_conv_halves_s8.h"

#define PACKED_BITS 0
#define PACKED_SECOND_SHIFT 3
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
#define PACKED_UNROLLED 32
#define PACKED_ONE_TURN 1
#define PACKED_SEPARATE
#define PACKED_DOUBLE "lsl \\sum, \\sum, #1\n\t"
#define PACKED_PIXEL_TAPS                                                                                    \
    "ldm r1!, {r4, r5, r6, r8}\n\t"                                                                          \
    "ldr r9, [r0], #16\n\t"                                                                                  \
    "ldr r10, [r0], #16\n\t"                                                                                 \
    "smlad r2, r4, r9, r2\n\t"                                                                               \
    "smlad r3, r5, r9, r3\n\t"                                                                               \
    "smlad r2, r6, r10, r2\n\t"                                                                              \
    "smlad r3, r8, r10, r3\n\t"

#if !defined(TINYML_PACKED_ASM)
static inline void tinyml_packed_step(uint32_t x, const int32_t **weights, uint32_t *first, uint32_t *second)
{
    *first = tinyml_dot_halves((uint32_t)*(*weights)++, x, *first);
    *second = tinyml_dot_halves((uint32_t)*(*weights)++, x, *second);
}
#endif

#include "tinyml_packed_blocks.h"

void tinyml_conv_halves_s8(const tinyml_conv_halves_s8_params *params, const int8_t *input, int8_t *output,
                           int8_t *scratch)
{
    tinyml_packed_conv(params, input, output, scratch);
}
