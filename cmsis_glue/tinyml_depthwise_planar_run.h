/*
 * Included by each kernel of tinyml_depthwise_planar.h, after it defined STRIDE, EXACT and BOTH: 1 where two
 * channels are copied together.
 */
#include "tinyml_depthwise_planar_c.h"

#if defined(TINYML_SSAT)
#include "tinyml_depthwise_planar_asm.h"

#if STRIDE == 1 && EXACT
#define STRIPS TINYML_PLANAR_STRIPS(1, "r8, r9", "8", "4", EXACT_)
#elif STRIDE == 1
#define STRIPS TINYML_PLANAR_STRIPS(1, "r8, r9", "8", "4", PROVEN)
#elif EXACT
#define STRIPS TINYML_PLANAR_STRIPS(2, "r8, r9, r10", "16", "8", EXACT_)
#else
#define STRIPS TINYML_PLANAR_STRIPS(2, "r8, r9, r10", "16", "8", PROVEN)
#endif
#endif

#if defined(TINYML_SSAT)
/* Copies the next channel, or two of them; answers how many output channels are made of that. */
static inline int32_t tinyml_planar_fill(const tinyml_depthwise_planar *p, const tinyml_planar_lines *lines,
                                         const int8_t **input, int16_t *plane)
{
    const int8_t *from = *input;
    int16_t *to = plane + p->before;
#if defined(TINYML_DSP) && BOTH
    *input += 2;
    tinyml_planar_copy_both(lines, from, to, p->second, p->input_lines, p->input_step, p->before & 1);
    return 2;
#else
    *input += 1;
    tinyml_planar_copy_lines(lines, from, to, p->input_lines, p->input_step, p->before & 1);
    return p->multiplier;
#endif
}

static inline void run_image(const tinyml_depthwise_planar *p, const int8_t *input, int8_t *output, int16_t *plane,
                             tinyml_planar_strips *strips)
{
    const int32_t strip = tinyml_planar_shared(p, STRIDE, strips);
    const int32_t of_four = (p->output_length >> 2) * 4 * STRIDE; /* elements along a line */
    const tinyml_planar_lines lines = tinyml_planar_lines_of(p);
    const int8_t *weights = p->weights;
    const int16_t *offset = p->offsets;
    const int32_t *sums = p->sums;
    const int16_t *from = plane;
    int32_t copies = 0;
    for (int32_t left = p->channels * p->multiplier; left > 0; --left) {
        if (copies == 0) {
            copies = tinyml_planar_fill(p, &lines, &input, plane);
            from = plane;
        }
        --copies;
        const tinyml_planar_channel to = tinyml_planar_of(sums, *offset++, p->output_zero, weights[9], EXACT);
        tinyml_planar_prepare(&to, weights, strips);
        strips->end_of_all = from + strip + of_four;
        TINYML_PLANAR_RUN(STRIPS, strips, from, output++, 2 * p->pitch, from + strip);
#if defined(TINYML_DSP) && BOTH
        from += p->second;
#endif
        weights += TINYML_PLANAR_WEIGHTS;
        sums += 2;
    }
}
#else
typedef void tinyml_planar_strips;

static inline void run_image(const tinyml_depthwise_planar *p, const int8_t *input, int8_t *output, int16_t *plane,
                             tinyml_planar_strips *strips)
{
    (void)strips;
    for (int32_t made = 0; made < p->channels * p->multiplier; ++made) {
        if (made % p->multiplier == 0) {
            tinyml_planar_copy(p, input++, plane);
        }
        tinyml_planar_convolve(p, plane, made, STRIDE, EXACT, output++);
    }
}
#endif

static void run(const tinyml_depthwise_planar *params, const int8_t *input, int8_t *output, int8_t *scratch)
{
    const tinyml_depthwise_planar p = *params;
    int16_t *plane = tinyml_planar_cleared(&p, scratch + TINYML_PLANAR_CONSTANTS);
    for (int32_t image = 0; image < p.images; ++image) {
        run_image(&p, input, output, plane, (tinyml_planar_strips *)scratch);
        input += p.input_image;
        output += p.output_image;
    }
}
