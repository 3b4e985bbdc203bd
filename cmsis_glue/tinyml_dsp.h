/*
 * Four products at once on cores with the DSP extension (Cortex-M4, M7, M33): SXTB16 spreads bytes to
 * halfwords, SMLAD adds two products of halfwords to a sum. TINYML_DSP is defined where that is there; the
 * same sums come out without it, one product at a time.
 *
 * In assembly because the compiler loads all operands first and spills them: 27 instructions for 16
 * products of four channels this way, 42 from intrinsics (gcc 12, -O2).
 */
#ifndef TINYML_DSP_H
#define TINYML_DSP_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)
#define TINYML_DSP 1
#endif

/* Bytes 0 and 2, and bytes 1 and 3 of four bytes, as pairs of signed halfwords. */
typedef struct {
    uint32_t even, odd;
} tinyml_bytes;

/* Two signed values as halfwords, the first in the lower. */
static inline uint32_t tinyml_halves(int32_t low, int32_t high)
{
    return (uint32_t)(uint16_t)low | (uint32_t)(uint16_t)high << 16;
}

/* The four bytes at *bytes, which moves on by four. Cores with the extension load words from any address. */
static inline tinyml_bytes tinyml_take_bytes(const int8_t **bytes)
{
    tinyml_bytes pair;
#if defined(TINYML_DSP)
    __asm("ldr %[odd], [%[from]], #4\n\t"
          "sxtb16 %[even], %[odd]\n\t"
          "sxtb16 %[odd], %[odd], ror #8"
          : [even] "=&r"(pair.even), [odd] "=&r"(pair.odd), [from] "+r"(*bytes)
          : "m"(*(const int8_t(*)[4])*bytes));
#else
    const int8_t *const x = *bytes;
    pair.even = tinyml_halves(x[0], x[2]);
    pair.odd = tinyml_halves(x[1], x[3]);
    *bytes += 4;
#endif
    return pair;
}

#if defined(TINYML_DSP)
/* sum + x . the four bytes at *bytes, which moves on by four; sums wrap, as everywhere. */
static inline int32_t tinyml_dot_bytes(tinyml_bytes x, const int8_t **bytes, int32_t sum)
{
    uint32_t even, odd;
    __asm("ldr %[odd], [%[from]], #4\n\t"
          "sxtb16 %[even], %[odd]\n\t"
          "sxtb16 %[odd], %[odd], ror #8\n\t"
          "smlad %[sum], %[x_even], %[even], %[sum]\n\t"
          "smlad %[sum], %[x_odd], %[odd], %[sum]"
          : [even] "=&r"(even), [odd] "=&r"(odd), [from] "+r"(*bytes), [sum] "+r"(sum)
          : [x_even] "r"(x.even), [x_odd] "r"(x.odd), "m"(*(const int8_t(*)[4])*bytes));
    return sum;
}
#endif

/* sum + the products of the low and of the high signed halfwords; sums wrap. */
static inline uint32_t tinyml_dot_halves(uint32_t x, uint32_t y, uint32_t sum)
{
#if defined(TINYML_DSP)
    __asm("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
    return sum;
#else
    const int32_t low = (int16_t)(x & 0xffff) * (int16_t)(y & 0xffff);
    const int32_t high = (int16_t)(x >> 16) * (int16_t)(y >> 16);
    return sum + (uint32_t)low + (uint32_t)high;
#endif
}

/* Bytes 0 and 2 as a pair of signed halfwords. */
static inline uint32_t tinyml_even_bytes(uint32_t bytes)
{
#if defined(TINYML_DSP)
    uint32_t even;
    __asm("sxtb16 %0, %1" : "=r"(even) : "r"(bytes));
    return even;
#else
    return tinyml_halves((int8_t)(bytes & 0xff), (int8_t)(bytes >> 16 & 0xff));
#endif
}

#endif
