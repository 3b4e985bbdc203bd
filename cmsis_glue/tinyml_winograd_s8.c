#include "tinyml_winograd_s8.h"

#include <string.h>

#include "tinyml_winograd_place.h"
#if defined(WINOGRAD_ASM)
#include "tinyml_winograd_dsp.h"
#else
#include "tinyml_winograd_plain.h"
#endif

static place place_of(const tinyml_winograd_s8_params *params, int8_t *scratch)
{
    const tinyml_window *const w = &params->window;
    place at;
    at.upper = (uint32_t *)(void *)scratch;
    at.columns = (w->output_width + 7) / 8 * 8 + 2;
    at.lower = at.upper + at.columns * w->input_channels / 2;
    at.block = at.lower + COLUMNS * w->input_channels / 2;
    at.spread = (int32_t *)at.block;
    if (params->weights != NULL) {
        /* Nothing is left in `lower` where a row of blocks ends. */
        at.spread = params->held % (at.columns / (2 * TILES)) == 0 ? (int32_t *)at.lower : at.spread;
        at.block = (uint32_t *)at.spread + PASSES * w->input_channels + 27;
    }
    at.pairs = w->input_channels / 2;
    at.first = (at.pairs - 1) % PART + 1;
    at.size = (at.pairs + (at.pairs - at.first) / PART + 1) * STEP + KEPT;
    return at;
}

/* Two rows of pixels in the input or outside, as the kernel has them: `to` is [four channels][width][2]. */
typedef struct {
    uint32_t *to;
    int32_t width;
    int32_t fours;
} rows_of_two;

/* Fills `count` words a row, `step` words apart. */
static void pad(const tinyml_window *w, rows_of_two rows, int32_t first, int32_t count, int32_t step)
{
    const uint32_t word = (uint8_t)w->input_zero_point * 0x01010101u;
    for (int32_t four = 0; count > 0 && four < rows.fours; ++four) {
        uint32_t *to = rows.to + 2 * four * rows.width + first;
        for (int32_t i = 0; i < count; ++i) {
            *to = word;
            to += step;
        }
    }
}

/* Copies pixels that are `stride` bytes apart, `bytes` in all. */
static void copy_pixels(const int8_t *upper, const int8_t *lower, rows_of_two rows, int32_t bytes, int32_t stride)
{
    uint32_t *to = rows.to;
    const int32_t skipped = 2 * (rows.width - bytes / stride);
#if defined(WINOGRAD_ASM)
    int32_t left = rows.fours;
    int32_t x;
    uint32_t above, below;
    upper += bytes;
    lower += bytes;
    __asm volatile("1:\n\t"
                   "rsb %[x], %[bytes], #0\n\t"
                   "2:\n\t"
                   "ldr %[above], [%[upper], %[x]]\n\t"
                   "ldr %[below], [%[lower], %[x]]\n\t"
                   "strd %[above], %[below], [%[to]], #8\n\t"
                   "adds %[x], %[x], %[stride]\n\t"
                   "bne 2b\n\t"
                   "add %[upper], %[upper], #4\n\t"
                   "add %[lower], %[lower], #4\n\t"
                   "add %[to], %[to], %[skipped], lsl #2\n\t"
                   "subs %[left], %[left], #1\n\t"
                   "bne 1b"
                   : [above] "=&r"(above), [below] "=&r"(below), [x] "=&r"(x), [to] "+r"(to),
                     [upper] "+r"(upper), [lower] "+r"(lower), [left] "+r"(left)
                   : [bytes] "r"(bytes), [stride] "r"(stride), [skipped] "r"(skipped)
                   : "cc", "memory");
#else
    for (int32_t four = 0; four < rows.fours; ++four) {
        for (int32_t x = 4 * four; x < bytes; x += stride) {
            memcpy(to, upper + x, sizeof *to);
            memcpy(to + 1, lower + x, sizeof *to);
            to += 2;
        }
        to += skipped;
    }
#endif
}

/* Takes `columns` pixels from rows y and y + 1, from column x; both count from where the padding begins. */
static void take(const tinyml_window *w, const int8_t *input, int32_t y, int32_t x, rows_of_two rows,
                 int32_t columns)
{
    const int32_t row = y - w->pad_top;
    const int32_t last = w->input_height - 1;
    const int32_t begin = tinyml_clamp(w->pad_left - x, 0, columns);
    const int32_t end = tinyml_clamp(w->pad_left + w->input_width - x, begin, columns);
    const int32_t line = w->input_width * w->input_channels;
    pad(w, rows, 0, 2 * begin, 1);
    pad(w, rows, 2 * end, 2 * (columns - end), 1);
    if (end > begin) {
        const int8_t *const from = input + (x + begin - w->pad_left) * w->input_channels;
        const rows_of_two inside = {rows.to + 2 * begin, rows.width, rows.fours};
        copy_pixels(from + tinyml_clamp(row, 0, last) * line, from + tinyml_clamp(row + 1, 0, last) * line, inside,
                    (end - begin) * w->input_channels, w->input_channels);
    }
    for (int32_t i = 0; i < 2; ++i) {
        if (row + i < 0 || row + i > last) {
            pad(w, rows, i, columns, 2);
        }
    }
}

/*
 * Keeps the lower rows of the block at column x as the upper ones of the block below, and their last two columns
 * as the first of the next block to the right.
 */
static void keep(const place *at, int32_t x)
{
    const int32_t is_last = x + COLUMNS == at->columns;
    uint32_t *to = at->upper + 2 * x;
    uint32_t *rest = is_last ? to + 16 : at->lower;
    const int32_t step = is_last ? 2 * at->columns : 2 * COLUMNS;
    const uint32_t *from = at->lower;
    for (int32_t left = at->pairs / 2; left > 0; --left) {
#if defined(WINOGRAD_ASM)
        __asm volatile(".rept 4\n\t"
                       "ldm %[from]!, {r4, r5, r6, r8}\n\t"
                       "stm %[to]!, {r4, r5, r6, r8}\n\t"
                       ".endr\n\t"
                       "ldm %[from]!, {r4, r5, r6, r8}\n\t"
                       "stm %[rest], {r4, r5, r6, r8}"
                       : [from] "+r"(from), [to] "+r"(to)
                       : [rest] "r"(rest)
                       : "r4", "r5", "r6", "r8", "memory");
#else
        memcpy(to, from, 16 * sizeof *to);
        memcpy(rest, from + 16, 4 * sizeof *to);
        from += 2 * COLUMNS;
        to += 16;
#endif
        to += 2 * at->columns - 16;
        rest += step;
    }
}

/* Writes a pair of output channels as it would be in the stream. */
static void spread_pair(const place *at, const int32_t *weights, const int32_t *stream, int32_t constants)
{
    const int32_t depth = 2 * at->pairs;
    int32_t *to = at->spread;
    *to++ = stream[0];
    for (int32_t i = 0; i < depth / 2; ++i) {
        spread_four(weights + 9 * i, to + (i >> 1) * 4 + (i & 1), depth, constants);
    }
    to[2 * depth] = stream[1];
    to[2 * depth + 1] = stream[2];
    to += 11 * depth + 2;
    for (int32_t site = 0; site < 4; ++site) {
        for (int32_t i = 0; i < constants; ++i) {
            to[i] = stream[3 + i];
        }
        to += depth * (site == 1 ? 3 : 1) + constants;
    }
}

/* The block at column x. */
static void transform(const place *at, int32_t x)
{
    const uint32_t *upper = at->upper + 2 * x;
    const uint32_t *lower = at->lower;
    uint32_t *to = at->block;
    int32_t pairs = at->first;
    for (int32_t left = at->pairs; left > 0; left -= pairs, pairs = PART) {
        transform_part(upper, lower, at->columns, to, pairs / 2);
        upper += pairs * at->columns;
        lower += pairs * COLUMNS;
        to += (pairs + 1) * STEP;
    }
}

/* The same place with the block that is `held` blocks further. */
static place held_at(const place *at, int32_t held)
{
    place other = *at;
    other.block += held * at->size;
    return other;
}

/* Takes and transforms a block; blocks are numbered row by row. */
static void take_block(const tinyml_window *w, const place *at, const int8_t *input, int32_t number)
{
    const int32_t across = at->columns / (2 * TILES);
    const int32_t y = 2 * (number / across);
    const int32_t x = 2 * TILES * (number % across);
    const int32_t known = x == 0 ? 0 : COLUMNS - 2 * TILES;
    const rows_of_two lower = {at->lower + 2 * known, COLUMNS, w->input_channels / 4};
    take(w, input, y + 2, x + known, lower, COLUMNS - known);
    transform(at, x);
    keep(at, x);
}

static void write_block(const tinyml_window *w, const place *at, const int32_t *stream, int32_t pairs,
                        int8_t *output, int32_t number)
{
    const int32_t across = at->columns / (2 * TILES);
    const int32_t y = 2 * (number / across);
    const int32_t x = 2 * TILES * (number % across);
    multiply_block(w, at, stream, pairs, output + (y * w->output_width + x) * w->output_channels,
                   tinyml_min(2, w->output_height - y), tinyml_min(2 * TILES, w->output_width - x));
}

/* The outputs of some blocks, their weights transformed once. */
static void write_held(const tinyml_winograd_s8_params *params, const place *at, int8_t *output, int32_t first,
                       int32_t count)
{
    const int32_t *stream = params->stream;
    const int32_t *weights = params->weights;
    for (int32_t channel = 0; channel < params->window.output_channels; channel += 2) {
        const int32_t constants = stream[0] == 0 ? 4 : 6;
        spread_pair(at, weights, stream, constants);
        for (int32_t i = 0; i < count; ++i) {
            const place held = held_at(at, i);
            write_block(&params->window, &held, at->spread, 1, output + channel, first + i);
        }
        weights += 9 * at->pairs;
        stream += 3 + constants;
    }
}

static void convolve(const tinyml_winograd_s8_params *params, const place *at, const int8_t *input, int8_t *output)
{
    const tinyml_window *const w = &params->window;
    const rows_of_two upper = {at->upper, at->columns, w->input_channels / 4};
    const int32_t blocks = (w->output_height + 1) / 2 * (at->columns / (2 * TILES));
    take(w, input, 0, 0, upper, at->columns);
    for (int32_t first = 0; first < blocks; first += params->held) {
        const int32_t count = tinyml_min(params->held, blocks - first);
        for (int32_t i = 0; i < count; ++i) {
            const place held = held_at(at, i);
            take_block(w, &held, input, first + i);
        }
        if (params->weights == NULL) {
            write_block(w, at, params->stream, w->output_channels / 2, output, first);
        } else {
            write_held(params, at, output, first, count);
        }
    }
}

void tinyml_winograd_s8(const tinyml_winograd_s8_params *params, const int8_t *input, int8_t *output, int8_t *scratch)
{
    const tinyml_window *const w = &params->window;
    const place at = place_of(params, scratch);
    for (int32_t i = 0; i < params->held; ++i) {
        const place held = held_at(&at, i);
        prepare(w, &held);
    }
    for (int32_t image = 0; image < w->batches; ++image) {
        convolve(params, &at, input, output);
        input += w->input_height * w->input_width * w->input_channels;
        output += w->output_height * w->output_width * w->output_channels;
    }
}
