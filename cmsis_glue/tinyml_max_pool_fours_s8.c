#include "tinyml_max_pool_fours_s8.h"

/* The greater of each of four bytes. */
static inline uint32_t greater(uint32_t a, uint32_t b)
{
#if defined(TINYML_DSP)
    uint32_t difference;
    __asm("ssub8 %[difference], %[a], %[b]\n\t" /* sets a flag for each byte of a that is not less */
          "sel %[a], %[a], %[b]"
          : [difference] "=&r"(difference), [a] "+r"(a)
          : [b] "r"(b)
          : "cc");
    return a;
#else
    uint32_t found = 0;
    for (int32_t bit = 0; bit < 32; bit += 8) {
        const int32_t x = (int8_t)(a >> bit & 0xffu);
        const int32_t y = (int8_t)(b >> bit & 0xffu);
        found |= (uint32_t)(tinyml_max(x, y) & 0xff) << bit;
    }
    return found;
#endif
}

/* By the compiler's own memcpy, which is one load or store even where a library's would be called. */
static inline uint32_t load(const int8_t *from)
{
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

static inline void store(int8_t *to, uint32_t word)
{
    __builtin_memcpy(to, &word, sizeof word);
}

/* A byte four times. */
static inline uint32_t repeated(int32_t byte)
{
    return (uint32_t)(byte & 0xff) * 0x01010101u;
}

/* One output pixel. The lesser of two is the complement of the greater of their complements. */
static inline void pool_pixel(const tinyml_pool *p, const tinyml_runs *runs, const int8_t *input, int8_t *output)
{
    const uint32_t least = repeated(p->activation_min);
    const uint32_t most = ~repeated(p->activation_max);
    for (const int8_t *const end = output + p->channels; output != end; output += 4) {
        uint32_t found = least;
        const int8_t *from = input;
        for (int32_t run = runs->runs; run > 0; --run) {
            const int8_t *pixel = from;
            for (int32_t left = runs->pixels; left > 0; --left) {
                found = greater(found, load(pixel));
                pixel += p->channels;
            }
            from += runs->next;
        }
        store(output, ~greater(~found, most));
        input += 4;
    }
}

void tinyml_max_pool_fours_s8(const tinyml_max_pool_fours_s8_params *params, const int8_t *input, int8_t *output)
{
    const tinyml_pool p = *params;
    for (int32_t image = 0; image < p.batches; ++image) {
        for (int32_t y = 0; y < p.output_height; ++y) {
            for (int32_t x = 0; x < p.output_width; ++x) {
                const tinyml_pool_area area = tinyml_pool_inside(&p, y, x);
                const tinyml_runs runs = tinyml_runs_of(&p, &area);
                pool_pixel(&p, &runs, input + runs.first, output);
                output += p.channels;
            }
        }
        input += tinyml_pool_input_image(&p);
    }
}
