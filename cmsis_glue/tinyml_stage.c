#include "tinyml_stage.h"

#include "tinyml_dsp.h"

#if defined(TINYML_DSP)
static inline void copy_word(int8_t *to, const int8_t *from)
{
    __builtin_memcpy(to, from, 4); /* a load and a store: these cores take words from any address */
}
#endif

/* Like memcpy and memset, which a C library for small cores has byte by byte. */
static void copy(int8_t *to, const int8_t *from, int32_t bytes)
{
    int32_t i = 0;
#if defined(TINYML_DSP)
    if (bytes >= 4) {
        const int32_t last = bytes - 4;
        for (; i <= last; i += 4) {
            copy_word(to + i, from + i);
        }
        if (i != bytes) {
            copy_word(to + last, from + last); /* some bytes once more */
        }
        return;
    }
#endif
    for (; i < bytes; ++i) {
        to[i] = from[i];
    }
}

static void fill(int8_t *to, int8_t value, int32_t bytes)
{
    int32_t i = 0;
#if defined(TINYML_DSP)
    const uint32_t word = 0x01010101u * (uint8_t)value;
    for (; i + 4 <= bytes; i += 4) {
        __builtin_memcpy(to + i, &word, 4);
    }
#endif
    for (; i < bytes; ++i) {
        to[i] = value;
    }
}

/* Where the window of an output pixel begins, in the image or not. */
typedef struct {
    const int8_t *at;
    int32_t y, x;
    int32_t column; /* of the output */
} place;

static place place_of(const tinyml_window *w, const int8_t *input, int32_t number)
{
    const int32_t row = number / w->output_width;
    const int32_t column = number - row * w->output_width;
    const int32_t y = row * w->stride_height - w->pad_top;
    const int32_t x = column * w->stride_width - w->pad_left;
    const place found = {input + (y * w->input_width + x) * w->input_channels, y, x, column};
    return found;
}

/* From one output pixel to the next, if there is one. */
static void go_on(const tinyml_window *w, place *of)
{
    int32_t columns = w->stride_width;
    int32_t rows = 0;
    if (of->column + 1 < w->output_width) {
        ++of->column;
    } else if (of->y + w->pad_top < (w->output_height - 1) * w->stride_height) {
        rows = w->stride_height;
        columns *= -of->column;
        of->column = 0;
    } else {
        return;
    }
    of->y += rows;
    of->x += columns;
    of->at += (rows * w->input_width + columns) * w->input_channels;
}

/* From one run of a window to the next, in bytes. */
static int32_t pitch(const tinyml_window *w)
{
    return w->dilation_height * w->input_width * w->input_channels;
}

static int32_t run_bytes(const tinyml_stage *stage)
{
    return stage->run_pixels * stage->window.input_channels;
}

/* Whether all runs of a window that begin in column x lie inside, and those that begin `across` columns on. */
static inline int is_inside(const tinyml_stage *stage, int32_t y, int32_t x, int32_t across)
{
    const tinyml_window *w = &stage->window;
    const int32_t last_y = w->input_height - 1 - (w->window_height - 1) * w->dilation_height;
    return y >= 0 && y <= last_y && x >= 0 && x + across <= w->input_width - stage->run_pixels;
}

/* Bytes of a run from column x on that lie in the image's columns: [begin, end). */
typedef struct {
    int32_t begin, end;
} part;

static part part_inside(const tinyml_stage *stage, int32_t x)
{
    const int32_t channels = stage->window.input_channels;
    const int32_t begin = tinyml_min(tinyml_max(-x, 0), stage->run_pixels);
    const int32_t end = tinyml_max(tinyml_min(stage->window.input_width - x, stage->run_pixels), begin);
    const part found = {begin * channels, end * channels};
    return found;
}

#if defined(__clang__) || !defined(__OPTIMIZE__) /* they want r7 for themselves */
#define SPREAD_ENTER "push {r7}\n\t"
#define SPREAD_LEAVE "pop {r7}"
#define SPREAD_CLOBBERED
#else
#define SPREAD_ENTER
#define SPREAD_LEAVE
#define SPREAD_CLOBBERED "r7",
#endif

/*
 * Spreads `rows` runs of `bytes` bytes, a positive multiple of four, of each window; from one run to the next it
 * is `next` bytes. Answers where to go on.
 */
static inline uint32_t *spread(const int8_t *const runs[TINYML_STAGED], int32_t next, int32_t rows, int32_t bytes,
                               uint32_t *staged)
{
    const int32_t gap = next - bytes;
    const int8_t *run0 = runs[0];
    const int8_t *run1 = runs[1];
    const int8_t *run2 = runs[2];
    const int8_t *run3 = runs[3];
    for (int32_t row = 0; row < rows; ++row) {
        int32_t left = bytes;
#if defined(TINYML_DSP)
        register const int8_t *at0 __asm("r0") = run0;
        register const int8_t *at1 __asm("r1") = run1;
        register const int8_t *at2 __asm("r2") = run2;
        register const int8_t *at3 __asm("r3") = run3;
        register uint32_t *to __asm("r12") = staged;
        register int32_t count __asm("lr") = left;
        __asm volatile(SPREAD_ENTER
                       "1:\n\t"
                       "ldr r8, [r0], #4\n\t"
                       "ldr r9, [r1], #4\n\t"
                       "ldr r10, [r2], #4\n\t"
                       "ldr r11, [r3], #4\n\t"
                       "sxtb16 r4, r8\n\t"
                       "sxtb16 r5, r9\n\t"
                       "sxtb16 r6, r10\n\t"
                       "sxtb16 r7, r11\n\t"
                       "sxtb16 r8, r8, ror #8\n\t"
                       "sxtb16 r9, r9, ror #8\n\t"
                       "sxtb16 r10, r10, ror #8\n\t"
                       "sxtb16 r11, r11, ror #8\n\t"
                       "stm r12!, {r4-r11}\n\t"
                       "subs lr, #4\n\t"
                       "bne 1b\n\t" SPREAD_LEAVE
                       : "+r"(at0), "+r"(at1), "+r"(at2), "+r"(at3), "+r"(to), "+r"(count)
                       :
                       : "r4", "r5", "r6", SPREAD_CLOBBERED "r8", "r9", "r10", "r11", "cc", "memory");
        run0 = at0;
        run1 = at1;
        run2 = at2;
        run3 = at3;
        staged = to;
#else
        for (; left > 0; left -= 4, staged += 2 * TINYML_STAGED) {
            const tinyml_bytes fours[TINYML_STAGED] = {tinyml_take_bytes(&run0), tinyml_take_bytes(&run1),
                                                       tinyml_take_bytes(&run2), tinyml_take_bytes(&run3)};
            for (int32_t window = 0; window < TINYML_STAGED; ++window) {
                staged[window] = fours[window].even;
                staged[TINYML_STAGED + window] = fours[window].odd;
            }
        }
#endif
        run0 += gap;
        run1 += gap;
        run2 += gap;
        run3 += gap;
    }
    return staged;
}

/* The same, called: only the windows that are read in one piece are worth the code of another copy. */
static __attribute__((noinline)) uint32_t *spread_rows(const int8_t *const runs[TINYML_STAGED], int32_t next,
                                                       int32_t rows, int32_t bytes, uint32_t *staged)
{
    return spread(runs, next, rows, bytes, staged);
}

/* Runs of four windows that may reach beyond the image: what lies there is the zero point. */
static uint32_t *spread_edge(const tinyml_stage *stage, place of, int32_t offset, uint32_t *staged, int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const int32_t bytes = run_bytes(stage);
    const int8_t *runs[TINYML_STAGED];
    int32_t y[TINYML_STAGED];
    part inside[TINYML_STAGED];
    for (int32_t window = 0; window < TINYML_STAGED; ++window) {
        runs[window] = of.at + offset * w->input_channels;
        y[window] = of.y;
        inside[window] = part_inside(stage, of.x + offset);
        go_on(w, &of);
    }
    for (int32_t row = 0; row < w->window_height; ++row) {
        const int8_t *whole[TINYML_STAGED];
        for (int32_t window = 0; window < TINYML_STAGED; ++window) {
            const int32_t begin = inside[window].begin;
            const int32_t end = y[window] >= 0 && y[window] < w->input_height ? inside[window].end : begin;
            whole[window] = runs[window];
            if (end - begin < bytes) {
                int8_t *const to = spare + window * bytes;
                fill(to, (int8_t)w->input_zero_point, bytes);
                copy(to + begin, runs[window] + begin, end - begin);
                whole[window] = to;
            }
            runs[window] += pitch(w);
            y[window] += w->dilation_height;
        }
        staged = spread_rows(whole, bytes, 1, bytes, staged);
    }
    return staged;
}

#if defined(TINYML_DSP)
static inline void copy_byte(int8_t *to, const int8_t *from)
{
    *to = *from;
}

/* Pieces as three units each, of which some may be the same or overlap. */
#define COPY_THREE(copy_unit, middle, last)                                                                  \
    for (; pieces > 0; --pieces) {                                                                           \
        copy_unit(to, from);                                                                                 \
        copy_unit(to + (middle), from + (middle));                                                           \
        copy_unit(to + (last), from + (last));                                                               \
        to += to_next;                                                                                       \
        from += from_next;                                                                                   \
    }
#endif

/* Copies pieces of `length` bytes that lie `from_next` bytes apart, to lie `to_next` bytes apart. */
static void copy_pieces(int8_t *to, int32_t to_next, const int8_t *from, int32_t from_next, int32_t length,
                        int32_t pieces)
{
#if defined(TINYML_DSP)
    if (length == 4) {
        for (; pieces > 0; --pieces) {
            copy_word(to, from);
            to += to_next;
            from += from_next;
        }
    } else if (length > 0 && length < 4) {
        COPY_THREE(copy_byte, length >> 1, length - 1)
    } else if (length > 4 && length <= 12) {
        COPY_THREE(copy_word, length >= 8 ? 4 : 0, length - 4)
    }
#endif
    for (; pieces > 0; --pieces) {
        copy(to, from, length);
        to += to_next;
        from += from_next;
    }
}

/* Copies runs of four windows that may reach beyond the image, each window's one after the other. */
static void gather_edge(const tinyml_stage *stage, place of, int32_t offset, int8_t *to)
{
    const tinyml_window *w = &stage->window;
    const int32_t bytes = run_bytes(stage);
    const int32_t next = pitch(w);
    const int32_t height = w->window_height;
    for (int32_t window = 0; window < TINYML_STAGED; ++window) {
        const int8_t *from = of.at + offset * w->input_channels;
        int8_t *at = to;
        int32_t length = bytes;
        int32_t rows = height;
        if (!is_inside(stage, of.y, of.x + offset, 0)) {
            const int32_t first = tinyml_first_inside(of.y, w->dilation_height);
            const part inside = part_inside(stage, of.x + offset);
            fill(to, (int8_t)w->input_zero_point, height * bytes);
            from += first * next + inside.begin;
            at += first * bytes + inside.begin;
            length = inside.end - inside.begin;
            rows = tinyml_end_inside(of.y, w->dilation_height, height, w->input_height) - first;
        }
        copy_pieces(at, bytes, from, next, length, rows);
        to += stage->taps;
        go_on(w, &of);
    }
}

/* Four windows of any kind, copied together where they are gathered, otherwise staged. */
static void stage_any(const tinyml_stage *stage, const int8_t *input, int32_t first, uint32_t *staged,
                      int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const place of = place_of(w, input, first);
    const int in_row = of.column + TINYML_STAGED <= w->output_width;
    const int32_t across = (TINYML_STAGED - 1) * w->stride_width;
    const int32_t step = w->stride_width * w->input_channels;
    const int32_t bytes = run_bytes(stage);
    for (int32_t element = 0; element < w->window_width; element += stage->run_pixels) {
        const int32_t offset = element * w->dilation_width;
        const int inside = in_row && is_inside(stage, of.y, of.x + offset, across);
        const int8_t *at = of.at + offset * w->input_channels;
        const int8_t *const runs[TINYML_STAGED] = {at, at + step, at + 2 * step, at + 3 * step};
        if (inside && !stage->gathers) {
            staged = spread_rows(runs, pitch(w), w->window_height, bytes, staged);
        } else if (inside) {
            for (int32_t window = 0; window < TINYML_STAGED; ++window) {
                copy_pieces(spare + window * stage->taps, bytes, runs[window], pitch(w), bytes, w->window_height);
            }
            spare += w->window_height * bytes;
        } else if (stage->gathers) {
            gather_edge(stage, of, offset, spare);
            spare += w->window_height * bytes;
        } else {
            staged = spread_edge(stage, of, offset, staged, spare);
        }
    }
}

void tinyml_stage_windows(const tinyml_stage *stage, const int8_t *input, int32_t first, uint32_t *staged,
                          int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const int32_t taps = stage->taps;
    const int8_t *at = input + first * taps;
    if (!stage->flat || first + TINYML_STAGED > w->output_height * w->output_width) {
        stage_any(stage, input, first, staged, spare);
        at = spare;
    }
    if (at != spare || stage->gathers) {
        const int8_t *const windows[TINYML_STAGED] = {at, at + taps, at + 2 * taps, at + 3 * taps};
        (void)spread(windows, taps, 1, taps, staged);
    }
}
