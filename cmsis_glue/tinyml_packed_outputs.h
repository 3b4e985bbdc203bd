/*
 * From sums to outputs for the source files of packed kernels, in C and in assembly; see tinyml_packed.h for the
 * constants.
 */
#ifndef TINYML_PACKED_OUTPUTS_H
#define TINYML_PACKED_OUTPUTS_H

#include "tinyml_math.h"
#include "tinyml_packed.h"
#include "tinyml_saturate.h"

#define PACKED_FIRST_SHIFT 3 /* of a proven channel, after the multiplication */

/* One output of a proven channel; `constants` are its multiplier and offset. */
static inline int8_t tinyml_packed_proven(int32_t sum, const int32_t *constants, int32_t shift)
{
#if defined(TINYML_PACKED_ASM)
    int32_t high;
    __asm("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(sum), "r"(constants[0]), "r"(constants[1]));
#else
    const int64_t wide = (int64_t)sum * constants[0] + constants[1] * ((int64_t)1 << 32);
    const int32_t high = (int32_t)((wide + ((int64_t)1 << 31)) >> 32);
#endif
    return tinyml_saturate_s8(high >> shift);
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

/*
 * The loops need every register but the stack pointer. What they keep in memory is `state`, a struct of the
 * function: PACKED_SLOT(name, offset) reads or writes a word of it.
 */
#if defined(__clang__) || !defined(__OPTIMIZE__)
/*
 * Clang wants a register for each operand in memory, and r7 for itself, as does gcc when it does not optimize: both
 * go onto the stack by hand, `state` from r2 in `registers`.
 */
#define PACKED_ENTER(bytes, registers)                                                                       \
    "push {r7}\n\tsub sp, #" bytes "\n\tldm r2, {" registers "}\n\tstm sp, {" registers "}\n\t"
#define PACKED_LEAVE(bytes) "add sp, #" bytes "\n\tpop {r7}"
#define PACKED_SLOT(name, offset) "[sp, #" #offset "]"
#define PACKED_OPERANDS(...)
#define PACKED_CLOBBERED "r3"
#else
/* As operands the compiler counts them as stack of this function. */
#define PACKED_ENTER(bytes, registers)
#define PACKED_LEAVE(bytes)
#define PACKED_SLOT(name, offset) "%[" #name "]"
#define PACKED_OPERANDS(...) , __VA_ARGS__
#define PACKED_CLOBBERED "r3", "r7"
#endif

#endif

#endif
