/* Included by the kernels of tinyml_conv_blocked.h, after they defined BLOCKED_FLIP: staged bytes are x ^ BLOCKED_FLIP. */
#include "tinyml_blocked.h"

#define PIXELS 4
#define WORD 4 /* bytes */

/*
 * Windows are staged so that every four taps of the four pixels lie together: taps 0 to 3 of the first pixel, of the
 * second, third and fourth, then taps 4 to 7 of the first. So staging moves words, and the loop over taps finds
 * all it needs at constant distances.
 */
#define NEXT_WORD (WORD * PIXELS)

/* Bytes with their top bits flipped by BLOCKED_FLIP, four at a time where the core can. */
static inline int8_t *copy_flipped(int8_t *to, const int8_t *from)
{
#if defined(TINYML_SHORT_MULTIPLY)
    if (((uintptr_t)from & (WORD - 1)) != 0) {
        for (int32_t i = 0; i < WORD; ++i) {
            to[i] = (int8_t)(from[i] ^ BLOCKED_FLIP);
        }
        return to + NEXT_WORD;
    }
    from = __builtin_assume_aligned(from, WORD);
    to = __builtin_assume_aligned(to, WORD);
#endif
    uint32_t word;
    __builtin_memcpy(&word, from, WORD);
    word ^= 0x01010101u * BLOCKED_FLIP;
    __builtin_memcpy(to, &word, WORD);
    return to + NEXT_WORD;
}

/* `bytes` bytes, a multiple of four, of one window; answers where its next ones go. */
BLOCKED_APART static int8_t *spread(const int8_t *from, int32_t bytes, int8_t *staged)
{
    const int8_t *const end = from + bytes;
#if !defined(TINYML_SHORT_MULTIPLY)
    const int8_t *const sixteens = from + (bytes & ~15);
    while (from != sixteens) {
        staged = copy_flipped(staged, from);
        staged = copy_flipped(staged, from + WORD);
        staged = copy_flipped(staged, from + 2 * WORD);
        staged = copy_flipped(staged, from + 3 * WORD);
        from += 4 * WORD;
    }
#endif
    for (; from != end; from += WORD) {
        staged = copy_flipped(staged, from);
    }
    return staged;
}

BLOCKED_APART static int8_t *copy(int8_t *to, const int8_t *from, int32_t bytes)
{
#if !defined(TINYML_SHORT_MULTIPLY)
    for (; bytes >= WORD; bytes -= WORD) {
        __builtin_memcpy(to, from, WORD); /* a load and a store where the core reads words from any address */
        to += WORD;
        from += WORD;
    }
#endif
    while (bytes-- > 0) {
        *to++ = *from++;
    }
    return to;
}

static int8_t *fill(int8_t *to, int32_t value, int32_t bytes)
{
    while (bytes-- > 0) {
        *to++ = (int8_t)value;
    }
    return to;
}

/* Copies the run of a window that begins in row y, column x; what lies outside the image is the zero point. */
static int8_t *copy_run(const tinyml_conv_blocked *p, const int8_t *image, int32_t y, int32_t x, int8_t *to)
{
    const tinyml_window *w = &p->window;
    const int32_t depth = w->input_channels;
    const int inside = y >= 0 && y < w->input_height;
    const int32_t begin = inside ? tinyml_clamp(-x, 0, p->run_pixels) : 0;
    const int32_t end = inside ? tinyml_clamp(w->input_width - x, begin, p->run_pixels) : 0;
    to = fill(to, w->input_zero_point, begin * depth);
    to = copy(to, image + (y * w->input_width + x + begin) * depth, (end - begin) * depth);
    return fill(to, w->input_zero_point, (p->run_pixels - end) * depth);
}

/*
 * Stages the window that begins in row `top`, column `left`: from where it lies, if all of it is in the image and
 * its runs are a multiple of four bytes, otherwise from a copy.
 */
BLOCKED_APART static void stage(const tinyml_conv_blocked *p, const int8_t *image, int32_t top, int32_t left,
                                int8_t *staged, int8_t *spare)
{
    const tinyml_window *w = &p->window;
    const int32_t bytes = p->run_pixels * w->input_channels;
    const int32_t bottom = top + (w->window_height - 1) * w->dilation_height;
    const int32_t right = left + (w->window_width - 1) * w->dilation_width;
    const int inside = top >= 0 && left >= 0 && bottom < w->input_height && right < w->input_width;
    const int in_words = bytes % WORD == 0;
    int8_t *to = spare;
    for (int32_t y = top; y <= bottom; y += w->dilation_height) {
        for (int32_t x = left; x <= right; x += p->run_pixels * w->dilation_width) {
            const int8_t *const from = image + (y * w->input_width + x) * w->input_channels;
            if (!inside) {
                to = copy_run(p, image, y, x, to);
            } else if (in_words) {
                staged = spread(from, bytes, staged);
            } else {
                to = copy(to, from, bytes);
            }
        }
    }
    if (to != spare) {
        spread(spare, p->taps, staged);
    }
}

#if BLOCKED_FLIP
typedef uint8_t element; /* as staged */
#else
typedef int8_t element;
#endif

/* Of two channels, a and b, at four pixels. */
typedef struct {
    int32_t a0, a1, a2, a3, b0, b1, b2, b3;
} sums;

#if defined(TINYML_SSAT) && !BLOCKED_FLIP && !defined(__clang__)

/* One tap of one pixel, whose byte is `x` bytes from the pointer. */
#define ADD_PIXEL(x, a, b)                                                                                         \
    "ldrsb %[v], [%[x], " x "]\n\t"                                                                              \
    "mla %[" a "], %[v], %[a], %[" a "]\n\t"                                                                     \
    "mla %[" b "], %[v], %[b], %[" b "]\n\t"

/*
 * In assembly, as the compiler spills when it fills all registers: 115 instructions for eight taps instead of 119 to
 * 130 (gcc 12, -O2). The first loads of a turn move the pointers on.
 */
static inline void add_taps(sums *s, const element *x, int32_t taps, const int8_t *weights)
{
    const element *const last = x + PIXELS * (taps - 8);
    int32_t a, b, v;
    __asm volatile("sub %[x], #32\n\t"
                   "sub %[w], #16\n"
                   "1:\n\t"
                   "ldrsb %[v], [%[x], #32]!\n\t"
                   "ldrsb %[a], [%[w], #16]!\n\t"
                   "ldrsb %[b], [%[w], #1]\n\t"
                   "mla %[a0], %[v], %[a], %[a0]\n\t"
                   "mla %[b0], %[v], %[b], %[b0]\n\t"
                   ".irp tap, 0, 1, 2, 3, 16, 17, 18, 19\n\t"
                   ".if \\tap\n\t"
                   "ldrsb %[a], [%[w], #(\\tap & 3) * 2 + (\\tap >> 4) * 8]\n\t"
                   "ldrsb %[b], [%[w], #(\\tap & 3) * 2 + (\\tap >> 4) * 8 + 1]\n\t" ADD_PIXEL("#\\tap", "a0", "b0")
                   ".endif\n\t" ADD_PIXEL("#\\tap + 4", "a1", "b1") ADD_PIXEL("#\\tap + 8", "a2", "b2")
                       ADD_PIXEL("#\\tap + 12", "a3", "b3")
                   ".endr\n\t"
                   "ldr %[v], %[last]\n\t"
                   "cmp %[x], %[v]\n\t"
                   "bne 1b"
                   : [a0] "+r"(s->a0), [a1] "+r"(s->a1), [a2] "+r"(s->a2), [a3] "+r"(s->a3), [b0] "+r"(s->b0),
                     [b1] "+r"(s->b1), [b2] "+r"(s->b2), [b3] "+r"(s->b3), [x] "+r"(x), [w] "+r"(weights),
                     [a] "=&r"(a), [b] "=&r"(b), [v] "=&r"(v)
                   : [last] "m"(last)
                   : "cc", "memory");
}

#elif defined(TINYML_SHORT_MULTIPLY) && BLOCKED_FLIP && !defined(__clang__)

/* A tap of a pixel, whose byte is `x` bytes from r0; weights are in r4 and r5. */
#define ADD_PIXEL(x, a, b)                                                                                         \
    "ldrb r6, [r0, #" x "]\n\t"                                                                                  \
    "movs r7, r6\n\t"                                                                                            \
    "muls r7, r4, r7\n\t"                                                                                        \
    "add " a ", r7\n\t"                                                                                          \
    "muls r6, r5, r6\n\t"                                                                                        \
    "add " b ", r6\n\t"

/* Of all four; the last needs no copy. Written out, as the compiler counts lines to know how far it can branch. */
#define ADD_TAP(first, second, third, fourth, wa, wb)                                                              \
    "ldrb r4, [r1, #" wa "]\n\t"                                                                                 \
    "ldrb r5, [r1, #" wb "]\n\t"                                                                                 \
    "sxtb r4, r4\n\t"                                                                                            \
    "sxtb r5, r5\n\t"                                                                                            \
    ADD_PIXEL(first, "r8", "r11")                                                                                  \
    ADD_PIXEL(second, "r9", "r12")                                                                                 \
    ADD_PIXEL(third, "r10", "lr")                                                                                  \
    "ldrb r6, [r0, #" fourth "]\n\t"                                                                             \
    "muls r4, r6, r4\n\t"                                                                                        \
    "adds r2, r2, r4\n\t"                                                                                        \
    "muls r6, r5, r6\n\t"                                                                                        \
    "adds r3, r3, r6\n\t"

/*
 * In assembly, as the compiler keeps no sums in the high registers: 3.5 instructions a product instead of 8. r7 may
 * be the compiler's frame pointer, and is put back.
 */
static inline void add_taps(sums *s, const element *windows, int32_t taps, const int8_t *weights)
{
    register const element *x __asm("r0") = windows;
    register const int8_t *w __asm("r1") = weights;
    register int32_t a3 __asm("r2") = s->a3;
    register int32_t b3 __asm("r3") = s->b3;
    register const element *end __asm("r6") = windows + PIXELS * taps;
    register int32_t a0 __asm("r8") = s->a0;
    register int32_t a1 __asm("r9") = s->a1;
    register int32_t a2 __asm("r10") = s->a2;
    register int32_t b0 __asm("r11") = s->b0;
    register int32_t b1 __asm("r12") = s->b1;
    register int32_t b2 __asm("lr") = s->b2;
    __asm volatile(".syntax unified\n\t"
                   "push {r6, r7}\n"
                   "1:\n\t" ADD_TAP("0", "4", "8", "12", "0", "1") ADD_TAP("1", "5", "9", "13", "2", "3")
                       ADD_TAP("2", "6", "10", "14", "4", "5") ADD_TAP("3", "7", "11", "15", "6", "7")
                   "adds r0, #16\n\t"
                   "adds r1, #8\n\t"
                   "ldr r6, [sp]\n\t"
                   "cmp r0, r6\n\t"
                   "bne 1b\n\t"
                   "pop {r6, r7}"
                   : "+r"(x), "+r"(w), "+r"(a3), "+r"(b3), "+r"(a0), "+r"(a1), "+r"(a2), "+r"(b0), "+r"(b1), "+r"(b2)
                   : "r"(end)
                   : "r4", "r5", "cc", "memory");
    s->a0 = a0;
    s->a1 = a1;
    s->a2 = a2;
    s->a3 = a3;
    s->b0 = b0;
    s->b1 = b1;
    s->b2 = b2;
    s->b3 = b3;
}

#else

/* One tap, at `x` for the first pixel. */
static inline void add_tap(sums *s, const element *x, const int8_t *weights)
{
    const int32_t a = weights[0];
    const int32_t b = weights[1];
    s->a0 += x[0] * a;
    s->b0 += x[0] * b;
    s->a1 += x[4] * a;
    s->b1 += x[4] * b;
    s->a2 += x[8] * a;
    s->b2 += x[8] * b;
    s->a3 += x[12] * a;
    s->b3 += x[12] * b;
}

static inline void add_taps(sums *s, const element *x, int32_t taps, const int8_t *weights)
{
    for (const element *const end = x + PIXELS * taps; x != end; x += NEXT_WORD) {
        add_tap(s, x, weights);
        add_tap(s, x + 1, weights + 2);
        add_tap(s, x + 2, weights + 4);
        add_tap(s, x + 3, weights + 6);
        weights += 8;
    }
}

#endif

/* The constants after the weights of a pair. */
static const int32_t *constants_of(const int32_t *stream, int32_t taps)
{
    return stream + 2 + taps / 2;
}

#if !defined(TINYML_SHORT_MULTIPLY)

/* By TFLM's arithmetic; apart, so that the compiler does not join it to what is done of proven channels. */
BLOCKED_APART static void write_exact(const sums *s, const int32_t *c, int8_t *output, int32_t stride)
{
    const int32_t multiplier = c[0] & INT32_MAX;
    tinyml_blocked_exact(output, s->a0, multiplier, c[1], c[2]);
    tinyml_blocked_exact(output + 1, s->b0, c[3], c[4], c[5]);
    output += stride;
    tinyml_blocked_exact(output, s->a1, multiplier, c[1], c[2]);
    tinyml_blocked_exact(output + 1, s->b1, c[3], c[4], c[5]);
    output += stride;
    tinyml_blocked_exact(output, s->a2, multiplier, c[1], c[2]);
    tinyml_blocked_exact(output + 1, s->b2, c[3], c[4], c[5]);
    output += stride;
    tinyml_blocked_exact(output, s->a3, multiplier, c[1], c[2]);
    tinyml_blocked_exact(output + 1, s->b3, c[3], c[4], c[5]);
}

static inline void write_proven(const sums *s, const int32_t *c, int8_t *output, int32_t stride)
{
    const int32_t a = c[0], a_offset = c[1], b = c[2], b_offset = c[3];
    tinyml_blocked_proven(output, s->a0, a, a_offset);
    tinyml_blocked_proven(output + 1, s->b0, b, b_offset);
    output += stride;
    tinyml_blocked_proven(output, s->a1, a, a_offset);
    tinyml_blocked_proven(output + 1, s->b1, b, b_offset);
    output += stride;
    tinyml_blocked_proven(output, s->a2, a, a_offset);
    tinyml_blocked_proven(output + 1, s->b2, b, b_offset);
    output += stride;
    tinyml_blocked_proven(output, s->a3, a, a_offset);
    tinyml_blocked_proven(output + 1, s->b3, b, b_offset);
}

/* Writes the outputs of two channels; answers the rest of the stream. */
static inline const int32_t *write_block(const sums *s, const int32_t *c, int8_t *output, int32_t stride)
{
    if (c[0] < 0) {
        const sums found = *s; /* whose address may be taken: the sums of proven channels stay in registers */
        write_exact(&found, c, output, stride);
        return c + 6;
    }
    write_proven(s, c, output, stride);
    return c + 4;
}

#else

static inline const int32_t *write_block(const sums *s, const int32_t *c, int8_t *output, int32_t stride)
{
    const int32_t found[2 * PIXELS] = {s->a0, s->b0, s->a1, s->b1, s->a2, s->b2, s->a3, s->b3};
    const int32_t *rest = c;
    for (int32_t pixel = 0; pixel < PIXELS; ++pixel) {
        rest = tinyml_blocked_pair(found[2 * pixel], found[2 * pixel + 1], c, output);
        output += stride;
    }
    return rest;
}

#endif

/*
 * The outputs of `channels` channels, an even number, at four pixels that are `stride` bytes apart.
 * Answers the rest of the stream.
 */
BLOCKED_APART static const int32_t *outputs(const int8_t *staged, int32_t taps, const int32_t *stream, int8_t *output, int32_t stride,
                              int32_t channels)
{
    const int8_t *const end = output + channels;
    for (; output != end; output += 2) {
        sums s = {stream[0], stream[0], stream[0], stream[0], stream[1], stream[1], stream[1], stream[1]};
        add_taps(&s, (const element *)staged, taps, (const int8_t *)(stream + 2));
        stream = write_block(&s, constants_of(stream, taps), output, stride);
    }
    return stream;
}

/* The outputs of `channels` channels at one pixel. */
BLOCKED_APART static void outputs_of_one(const int8_t *staged, int32_t taps, const int32_t *stream, int8_t *output, int32_t channels)
{
    const element *const begin = (const element *)staged;
    for (; channels > 0; channels -= 2) {
        const int8_t *weights = (const int8_t *)(stream + 2);
        int32_t a = stream[0];
        int32_t b = stream[1];
        for (const element *x = begin; x != begin + PIXELS * taps; x += NEXT_WORD) {
            a += x[0] * weights[0] + x[1] * weights[2] + x[2] * weights[4] + x[3] * weights[6];
            b += x[0] * weights[1] + x[1] * weights[3] + x[2] * weights[5] + x[3] * weights[7];
            weights += 8;
        }
        int8_t pair[2];
        stream = tinyml_blocked_pair(a, b, constants_of(stream, taps), pair);
        *output++ = pair[0];
        if (channels > 1) {
            *output++ = pair[1];
        }
    }
}

/* The pixels of an image in fours, which may begin in one row and end in the next. */
static void convolve(const tinyml_conv_blocked *p, const int8_t *image, int8_t *output, int8_t *scratch)
{
    const tinyml_window *w = &p->window;
    const int32_t channels = w->output_channels;
    int32_t row = 0;
    int32_t column = 0;
    for (int32_t left = w->output_height * w->output_width; left > 0; left -= PIXELS) {
        const int32_t pixels = tinyml_min(left, PIXELS);
        const int32_t paired = pixels == PIXELS ? channels & ~1 : 0;
        for (int32_t pixel = 0; pixel < pixels; ++pixel) {
            stage(p, image, row * w->stride_height - w->pad_top, column * w->stride_width - w->pad_left,
                  scratch + WORD * pixel, scratch + PIXELS * p->taps);
            if (++column == w->output_width) {
                column = 0;
                ++row;
            }
        }
        const int32_t *const rest = outputs(scratch, p->taps, p->stream, output, channels, paired);
        for (int32_t pixel = 0; pixel < pixels && paired < channels; ++pixel) {
            outputs_of_one(scratch + WORD * pixel, p->taps, rest, output + pixel * channels + paired, channels - paired);
        }
        output += PIXELS * channels;
    }
}

static void run(const tinyml_conv_blocked *params, const int8_t *input, int8_t *output, int8_t *scratch)
{
    const tinyml_conv_blocked p = *params;
    for (int32_t image = 0; image < p.window.batches; ++image) {
        convolve(&p, input, output, scratch);
        input += tinyml_input_image(&p.window);
        output += tinyml_output_image(&p.window);
    }
}
