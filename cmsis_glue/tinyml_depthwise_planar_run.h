/* Included by each kernel of tinyml_depthwise_planar.h, after it defined STRIDE and EXACT. */
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
static inline void run_image(const tinyml_depthwise_planar *p, const int8_t *input, int8_t *output, int16_t *plane,
                             tinyml_planar_strips *strips)
{
    const int16_t *end = tinyml_planar_shared(p, STRIDE, plane, strips);
    const tinyml_planar_lines lines = tinyml_planar_lines_of(p);
    const int8_t *weights = p->weights;
    const int16_t *offset = p->offsets;
    const int32_t *sums = p->sums;
    int32_t copies = 0;
    for (int32_t left = p->channels * p->multiplier; left > 0; --left) {
        if (copies == 0) {
            copies = p->multiplier;
            tinyml_planar_copy_lines(&lines, input++, plane + p->before, p->input_lines, p->input_step,
                                     p->before & 1);
        }
        --copies;
        const tinyml_planar_channel to = tinyml_planar_of(sums, *offset++, p->output_zero, weights[9], EXACT);
        tinyml_planar_prepare(&to, weights, strips);
        TINYML_PLANAR_RUN(STRIPS, strips, plane, output++, 2 * p->pitch, end);
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
