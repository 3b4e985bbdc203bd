/*
 * Sums and maxima of four neighbouring channels at a time: on cores with the DSP extension bytes 0 and 2, and
 * 1 and 3, of a word are added to pairs of halfwords (SXTAB16), so at most 256 words may be added up.
 */
#ifndef TINYML_FOURS_H
#define TINYML_FOURS_H

#include "tinyml_dsp.h"
#include "tinyml_pool.h"

#define TINYML_MOST_FOURS 256

#if defined(TINYML_DSP)

typedef tinyml_bytes tinyml_fours; /* sums of bytes 0 and 2, and of 1 and 3 */

static inline void tinyml_fours_add(tinyml_fours *sums, const int8_t *bytes)
{
    uint32_t word;
    __asm("ldr %[word], [%[from]]\n\t"
          "sxtab16 %[even], %[even], %[word]\n\t"
          "sxtab16 %[odd], %[odd], %[word], ror #8"
          : [word] "=&r"(word), [even] "+&r"(sums->even), [odd] "+&r"(sums->odd)
          : [from] "r"(bytes), "m"(*(const int8_t(*)[4])bytes));
}

static inline int32_t tinyml_fours_sum(const tinyml_fours *sums, int32_t channel)
{
    const uint32_t pair = (channel & 1) != 0 ? sums->odd : sums->even;
    return channel < 2 ? (int16_t)(pair & 0xffffu) : (int32_t)pair >> 16;
}

#else

typedef struct {
    int32_t sum0, sum1, sum2, sum3;
} tinyml_fours;

static inline void tinyml_fours_add(tinyml_fours *sums, const int8_t *bytes)
{
    sums->sum0 += bytes[0];
    sums->sum1 += bytes[1];
    sums->sum2 += bytes[2];
    sums->sum3 += bytes[3];
}

static inline int32_t tinyml_fours_sum(const tinyml_fours *sums, int32_t channel)
{
    return channel == 0 ? sums->sum0 : channel == 1 ? sums->sum1 : channel == 2 ? sums->sum2 : sums->sum3;
}

#endif

static inline tinyml_fours tinyml_fours_zero(void)
{
#if defined(TINYML_DSP)
    const tinyml_fours zero = {0, 0};
#else
    const tinyml_fours zero = {0, 0, 0, 0};
#endif
    return zero;
}

/* Adds up pixels that lie `step` apart. */
static inline void tinyml_fours_add_pixels(tinyml_fours *sums, const int8_t *from, int32_t pixels, int32_t step)
{
    tinyml_fours found = *sums;
#if defined(TINYML_DSP)
    int32_t fours = pixels >> 2;
    if (fours > 0) {
        uint32_t word0, word1, word2, word3;
        __asm volatile("1:\n\t"
                       "ldr %[word0], [%[from]]\n\t"
                       "ldr %[word1], [%[from], %[step]]\n\t"
                       "ldr %[word2], [%[from], %[step], lsl #1]\n\t"
                       "ldr %[word3], [%[from], %[thrice]]\n\t"
                       "add %[from], %[from], %[step], lsl #2\n\t"
                       ".irp word, %[word0], %[word1], %[word2], %[word3]\n\t"
                       "sxtab16 %[even], %[even], \\word\n\t"
                       "sxtab16 %[odd], %[odd], \\word, ror #8\n\t"
                       ".endr\n\t"
                       "subs %[fours], #1\n\t"
                       "bne 1b"
                       : [word0] "=&r"(word0), [word1] "=&r"(word1), [word2] "=&r"(word2), [word3] "=&r"(word3),
                         [even] "+&r"(found.even), [odd] "+&r"(found.odd), [from] "+&r"(from), [fours] "+&r"(fours)
                       : [step] "r"(step), [thrice] "r"(3 * step)
                       : "cc", "memory");
    }
    pixels &= 3;
#endif
    for (; pixels > 0; --pixels) {
        tinyml_fours_add(&found, from);
        from += step;
    }
    *sums = found;
}

/* An area as runs of pixels without a gap: rows, or all of them at once. */
typedef struct {
    int32_t first, runs, pixels, next; /* offsets in elements of the first run, and from run to run */
} tinyml_runs;

static inline tinyml_runs tinyml_runs_of(const tinyml_pool *p, const tinyml_pool_area *area)
{
    tinyml_runs runs;
    runs.first = (area->first_row * p->input_width + area->first_column) * p->channels;
    runs.runs = area->end_row - area->first_row;
    runs.pixels = area->end_column - area->first_column;
    runs.next = p->input_width * p->channels;
    if (runs.pixels == p->input_width) {
        runs.pixels *= runs.runs;
        runs.runs = 1;
    }
    return runs;
}

#endif
