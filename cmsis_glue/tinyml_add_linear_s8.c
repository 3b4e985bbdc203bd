#include "tinyml_add_linear_s8.h"

#include "tinyml_saturate.h"

#if defined(TINYML_SSAT)

#define TWO_ELEMENTS                                                                                               \
    "ldrsb r4, [%[first]], #1\n\t"                                                                                 \
    "ldrsb r5, [%[second]], #1\n\t"                                                                                \
    "ldrsb r6, [%[first]], #1\n\t"                                                                                 \
    "ldrsb r8, [%[second]], #1\n\t"                                                                                \
    "mla r4, r4, %[a], %[c]\n\t"                                                                                   \
    "mla r6, r6, %[a], %[c]\n\t"                                                                                   \
    "mla r4, r5, %[b], r4\n\t"                                                                                     \
    "mla r6, r8, %[b], r6\n\t"                                                                                     \
    "ssat r4, #8, r4, asr #22\n\t" /* TINYML_ADD_LINEAR_SHIFT */                                                   \
    "ssat r6, #8, r6, asr #22\n\t"                                                                                 \
    "strb r4, [%[output]], #1\n\t"                                                                                 \
    "strb r6, [%[output]], #1\n\t"

/*
 * `eights` times eight elements; all pointers move on. In assembly for SSAT with its shift, and because the
 * compiler spends as much on indices as on the sums.
 */
static inline void add_eights(const tinyml_add_linear_s8_params *p, const int8_t **first, const int8_t **second,
                              int8_t **output, int32_t eights)
{
    const int8_t *const end = *first + 8 * eights;
    __asm volatile("1:\n\t" TWO_ELEMENTS TWO_ELEMENTS TWO_ELEMENTS TWO_ELEMENTS "cmp %[first], %[end]\n\t"
                   "bne 1b"
                   : [first] "+r"(*first), [second] "+r"(*second), [output] "+r"(*output)
                   : [a] "r"(p->a), [b] "r"(p->b), [c] "r"(p->c), [end] "r"(end)
                   : "r4", "r5", "r6", "r8", "cc", "memory");
}

#endif

void tinyml_add_linear_s8(const tinyml_add_linear_s8_params *params, const int8_t *first, const int8_t *second,
                          int8_t *output)
{
    const tinyml_add_linear_s8_params p = *params;
    int32_t left = p.elements;
#if defined(TINYML_SSAT)
    if (p.shift == TINYML_ADD_LINEAR_SHIFT && left >= 8) {
        add_eights(&p, &first, &second, &output, left >> 3);
        left &= 7;
    }
#endif
    for (; left > 0; --left) {
        /* Partial sums may wrap, so they are unsigned. */
        const uint32_t a = (uint32_t)*first++ * (uint32_t)p.a;
        const uint32_t b = (uint32_t)*second++ * (uint32_t)p.b;
        *output++ = tinyml_saturate_s8((int32_t)(a + b + (uint32_t)p.c) >> p.shift);
    }
}
