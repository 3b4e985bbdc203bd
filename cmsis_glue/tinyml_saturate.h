/* Saturation to int8 in one instruction where the core has it (SSAT, Cortex-M3 and above). */
#ifndef TINYML_SATURATE_H
#define TINYML_SATURATE_H

#include "tinyml_math.h"

#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
#define TINYML_SSAT 1
#endif

static inline int8_t tinyml_saturate_s8(int32_t x)
{
#if defined(TINYML_SSAT)
    int32_t saturated;
    __asm("ssat %0, #8, %1" : "=r"(saturated) : "r"(x) : "cc");
    return (int8_t)saturated;
#else
    return (int8_t)tinyml_clamp(x, INT8_MIN, INT8_MAX);
#endif
}

#endif
