#include "tinyml_depthwise_windows_s8.h"

#include "tinyml_depthwise_planar_copy.h"

#define TOGETHER 4 /* neighbours whose sums share each load of weights */

#if defined(TINYML_DSP)
#define PAIRS 1 /* a word of weights is for two elements, where these are neighbours */
#else
#define PAIRS 0
#endif

#if defined(__GNUC__)
#define ONE_COPY __attribute__((noinline))
#else
#define ONE_COPY
#endif

/* How windows are walked; the loops in assembly know the offsets of the first three. */
typedef struct {
    int32_t gap;          /* 0: from the end of a window's line to its next line, in bytes of the plane */
    const int32_t *end;   /* 4: of the words */
    int32_t line_words;   /* 8: words of weights for a line */
    const int32_t *words; /* line by line */
    int32_t line_step;    /* elements of the plane from line to line */
    int32_t step;         /* from word to word */
    int32_t stride;       /* from window to window */
} walk;

/* The second element of a line's last word may lie beyond the window; its weight is zero. */
static walk walk_with(const tinyml_depthwise_windows_s8_params *p, const int32_t *words)
{
    const int32_t each = PAIRS && p->window_step == 1 ? 2 : 1;
    walk on;
    on.line_words = (p->window_length + each - 1) / each;
    on.words = words;
    on.end = words + p->window_lines * on.line_words;
    on.line_step = p->window_line_step;
    on.step = each * p->window_step;
    on.stride = p->stride;
    on.gap = 2 * (on.line_step - on.line_words * on.step);
    return on;
}

static void put_weights(const tinyml_depthwise_windows_s8_params *p, const int8_t *weights, int32_t bits,
                        int32_t *words)
{
    const int32_t pairs = PAIRS && p->window_step == 1;
    for (int32_t line = 0; line < p->window_lines; ++line) {
        const int8_t *const end = weights + p->window_length;
        while (weights != end) {
            const int32_t first = *weights++ * (1 << bits);
            const int32_t second = pairs && weights != end ? *weights++ * (1 << bits) : 0;
            *words++ = PAIRS ? (int32_t)tinyml_halves(first, second) : first;
        }
    }
}

/* sum + a word of weights times the elements at x; sums wrap. */
static inline uint32_t add_products(uint32_t sum, int32_t word, const int16_t *x)
{
#if PAIRS
    uint32_t pair;
    __builtin_memcpy(&pair, x, 4); /* these cores load words from any address */
    return tinyml_dot_halves(pair, (uint32_t)word, sum);
#else
    return sum + (uint32_t)(word * *x);
#endif
}

/* Adds the windows that begin at x and at its next neighbours. */
static inline void add_windows(const walk *on, const int16_t *x, uint32_t sums[TOGETHER])
{
    const int32_t stride = on->stride;
    const int32_t step = on->step;
    const int32_t *word = on->words;
    uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    do {
        const int16_t *const next = x + on->line_step;
        const int32_t *const end = word + on->line_words;
        do {
            const int32_t weights = *word++;
            sum0 = add_products(sum0, weights, x);
            sum1 = add_products(sum1, weights, x + stride);
            sum2 = add_products(sum2, weights, x + 2 * stride);
            sum3 = add_products(sum3, weights, x + 3 * stride);
            x += step;
        } while (word != end);
        x = next;
    } while (word != on->end);
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

#if defined(TINYML_DSP)
/* The same at stride 1, from pair to pair: of the third and fourth windows they are what is next of the first two. */
static inline void add_windows_1(const walk *on, const int16_t *x, uint32_t sums[TOGETHER])
{
    const int32_t *word = on->words;
    uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    uint32_t even, odd, weights;
    int32_t left;
    __asm volatile("1:\n\t"
                   "ldr %[left], [%[on], #8]\n\t"
                   "ldr %[odd], [%[x], #2]\n\t"
                   "ldr %[even], [%[x]], #4\n\t"
                   "2:\n\t"
                   "ldr %[weights], [%[word]], #4\n\t"
                   "smlad %[sum0], %[even], %[weights], %[sum0]\n\t"
                   "smlad %[sum1], %[odd], %[weights], %[sum1]\n\t"
                   "ldr %[odd], [%[x], #2]\n\t"
                   "ldr %[even], [%[x]], #4\n\t"
                   "smlad %[sum3], %[odd], %[weights], %[sum3]\n\t"
                   "smlad %[sum2], %[even], %[weights], %[sum2]\n\t"
                   "subs %[left], %[left], #1\n\t"
                   "bne 2b\n\t"
                   "ldrd %[even], %[odd], [%[on]]\n\t"
                   "sub %[x], %[x], #4\n\t"
                   "add %[x], %[x], %[even]\n\t"
                   "cmp %[word], %[odd]\n\t"
                   "bne 1b"
                   : [x] "+r"(x), [word] "+r"(word), [sum0] "+r"(sum0), [sum1] "+r"(sum1), [sum2] "+r"(sum2),
                     [sum3] "+r"(sum3), [even] "=&r"(even), [odd] "=&r"(odd), [weights] "=&r"(weights),
                     [left] "=&r"(left)
                   : [on] "r"(on)
                   : "cc", "memory");
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* The same at stride 2: four windows' pairs are neighbours, at addresses of whole words. */
static inline void add_windows_2(const walk *on, const int16_t *x, uint32_t sums[TOGETHER])
{
    const int32_t *word = on->words;
    uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    int32_t left;
    __asm volatile("1:\n\t"
                   "ldr %[left], [%[on], #8]\n\t"
                   "2:\n\t"
                   "ldr r12, [%[word]], #4\n\t"
                   "ldm %[x], {r8, r9, r10, r11}\n\t"
                   "add %[x], %[x], #4\n\t"
                   "smlad %[sum0], r8, r12, %[sum0]\n\t"
                   "smlad %[sum1], r9, r12, %[sum1]\n\t"
                   "smlad %[sum2], r10, r12, %[sum2]\n\t"
                   "smlad %[sum3], r11, r12, %[sum3]\n\t"
                   "subs %[left], %[left], #1\n\t"
                   "bne 2b\n\t"
                   "ldrd r8, r9, [%[on]]\n\t"
                   "add %[x], %[x], r8\n\t"
                   "cmp %[word], r9\n\t"
                   "bne 1b"
                   : [x] "+r"(x), [word] "+r"(word), [sum0] "+r"(sum0), [sum1] "+r"(sum1), [sum2] "+r"(sum2),
                     [sum3] "+r"(sum3), [left] "=&r"(left)
                   : [on] "r"(on)
                   : "r8", "r9", "r10", "r11", "r12", "cc", "memory");
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}
#endif

/* A line of outputs. A function of its own, so that the loops have all registers. */
ONE_COPY static void make_line(const walk *on, const tinyml_planar_channel *to, const int16_t *x, int32_t left,
                               int8_t *output, int32_t step)
{
    for (; left > 0; left -= TOGETHER) {
        const uint32_t bias = (uint32_t)to->bias;
        uint32_t sums[TOGETHER] = {bias, bias, bias, bias};
#if defined(TINYML_DSP)
        if (on->step == 2 && on->stride == 1) {
            add_windows_1(on, x, sums);
        } else if (on->step == 2 && on->stride == 2) {
            add_windows_2(on, x, sums);
        } else
#endif
        {
            add_windows(on, x, sums);
        }
        const int8_t made0 = tinyml_planar_requantize(to, (int32_t)sums[0]);
        const int8_t made1 = tinyml_planar_requantize(to, (int32_t)sums[1]);
        const int8_t made2 = tinyml_planar_requantize(to, (int32_t)sums[2]);
        const int8_t made3 = tinyml_planar_requantize(to, (int32_t)sums[3]);
        output[0] = made0;
        if (left > 1) {
            output[step] = made1;
        }
        if (left > 2) {
            output[2 * step] = made2;
        }
        if (left > 3) {
            output[3 * step] = made3;
        }
        x += TOGETHER * on->stride;
        output += TOGETHER * step;
    }
}

static void convolve(const tinyml_depthwise_planar *p, int32_t line_stride, const walk *on,
                     const tinyml_planar_channel *to, const int16_t *plane, int8_t *output)
{
    for (int32_t line = 0; line < p->output_lines; ++line) {
        make_line(on, to, plane, p->output_length, output, p->output_step);
        plane += line_stride;
        output += p->output_line_step;
    }
}

static void run_image(const tinyml_depthwise_windows_s8_params *p, const int8_t *input, int8_t *output,
                      int32_t *words, int16_t *plane)
{
    const int32_t taps = p->window_lines * p->window_length;
    const walk on = walk_with(p, words);
    const int8_t *weights = p->planar.weights;
    int32_t made = 0;
    for (int32_t channel = 0; channel < p->planar.channels; ++channel) {
        tinyml_planar_copy(&p->planar, input++, plane);
        for (int32_t copy = 0; copy < p->planar.multiplier; ++copy) {
            const tinyml_planar_channel to = tinyml_planar_to(&p->planar, made++, weights[taps], p->exact);
            put_weights(p, weights, to.bits, words);
            convolve(&p->planar, p->line_stride, &on, &to, plane, output++);
            weights += taps + 1;
        }
    }
}

void tinyml_depthwise_windows_s8(const tinyml_depthwise_windows_s8_params *params, const int8_t *input,
                                 int8_t *output, int8_t *scratch)
{
    /* A copy: a byte stored to the output might otherwise change what the parameters point to. */
    const tinyml_depthwise_windows_s8_params p = *params;
    int16_t *plane = tinyml_planar_cleared(&p.planar, scratch + 4 * p.window_lines * p.window_length);
    for (int32_t image = 0; image < p.planar.images; ++image) {
        run_image(&p, input, output, (int32_t *)scratch, plane);
        input += p.planar.input_image;
        output += p.planar.output_image;
    }
}
