/*
 * From sums to outputs for the source files of packed kernels, in C and in assembly; see tinyml_packed.h for the
 * constants.
 */
#ifndef TINYML_PACKED_OUTPUTS_H
#define TINYML_PACKED_OUTPUTS_H

#include "tinyml_math.h"
#include "tinyml_packed.h"

#define PACKED_FIRST_SHIFT 3 /* of a proven channel, after the multiplication */

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

/* Those of a pair of channels, the second's sum times 2^bits; answers the rest of the stream. */
static inline const int32_t *tinyml_packed_outputs(const int32_t sums[2], int32_t bits, const int32_t *constants,
                                                   int8_t *to)
{
    if (constants[0] < 0) {
        to[0] = tinyml_packed_exact(sums[0], constants);
        to[1] = tinyml_packed_exact(sums[1] >> bits, constants + 3);
        return constants + 6;
    }
    to[0] = tinyml_packed_proven(sums[0], constants, PACKED_FIRST_SHIFT);
    to[1] = tinyml_packed_proven(sums[1], constants + 2, PACKED_FIRST_SHIFT + bits);
    return constants + 4;
}

#if defined(TINYML_PACKED_ASM)

#define PACKED_TEXT_OF(x) #x
#define PACKED_TEXT(x) PACKED_TEXT_OF(x)

/* What the loops keep in memory: they need every register but the stack pointer. */
typedef struct {
    uint32_t entry; /* where the loop over taps is entered, as these need not fill its last turn */
    int8_t *output;
    int32_t stride, thrice;
    const uint32_t *begin, *end; /* of the staged windows */
    const int8_t *output_end;
} tinyml_packed_state;

#if defined(__clang__) || !defined(__OPTIMIZE__)
/*
 * Clang wants a register for each operand in memory, and r7 for itself, as does gcc when it does not optimize: both
 * go onto the stack by hand.
 */
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

#endif

#endif
