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

/* The runs of a window from top to bottom; bytes `begin` to `end` of each lie within the image's columns. */
typedef struct {
    const int8_t *at; /* the next run, in the image or not */
    int32_t y, begin, end;
} walk;

/* From one run of a window to the next. */
static int32_t pitch(const tinyml_window *w)
{
    return w->dilation_height * w->input_width * w->input_channels;
}

static int is_whole(const tinyml_window *w, const walk *of, int32_t bytes)
{
    return of->y >= 0 && of->y < w->input_height && of->end - of->begin == bytes;
}

/* Copies a run; what lies outside the image is the zero point. */
static void copy_run(const tinyml_window *w, const walk *of, int32_t bytes, int8_t *to)
{
    const int8_t zero = (int8_t)w->input_zero_point;
    const int inside = of->y >= 0 && of->y < w->input_height;
    const int32_t begin = inside ? of->begin : 0;
    const int32_t end = inside ? of->end : 0;
    fill(to, zero, begin);
    copy(to + begin, of->at + begin, end - begin);
    fill(to + end, zero, bytes - end);
}

/* A window's next run where it lies, or its copy where a part is outside the image. */
static const int8_t *next_run(const tinyml_window *w, walk *of, int32_t bytes, int8_t *spare)
{
    const int8_t *run = of->at;
    if (!is_whole(w, of, bytes)) {
        copy_run(w, of, bytes, spare);
        run = spare;
    }
    of->at += pitch(w);
    of->y += w->dilation_height;
    return run;
}

/* Where four windows, `element` elements into their rows, begin, if all is inside and they lie in a row. */
static int begin_inside(const tinyml_stage *stage, const int8_t *input, int32_t first, int32_t element,
                        walk walks[TINYML_STAGED])
{
    const tinyml_window *w = &stage->window;
    const int32_t row = first / w->output_width;
    const int32_t column = first - row * w->output_width;
    const int32_t y = row * w->stride_height - w->pad_top;
    const int32_t x = column * w->stride_width - w->pad_left + element * w->dilation_width;
    const int32_t step = w->stride_width;
    const int32_t end = x + (TINYML_STAGED - 1) * step + stage->run_pixels;
    const int32_t bottom = y + (w->window_height - 1) * w->dilation_height;
    if (column + TINYML_STAGED > w->output_width || y < 0 || bottom >= w->input_height || x < 0 ||
        end > w->input_width) {
        return 0;
    }
    for (int32_t window = 0; window < TINYML_STAGED; ++window) {
        walks[window].at = input + (y * w->input_width + x + window * step) * w->input_channels;
    }
    return 1;
}

/* The same for any four, which may be in several rows. */
static void begin_anywhere(const tinyml_stage *stage, const int8_t *input, int32_t first, int32_t element,
                           walk walks[TINYML_STAGED])
{
    const tinyml_window *w = &stage->window;
    const int32_t channels = w->input_channels;
    const int32_t last = w->output_height * w->output_width - 1;
    for (int32_t window = 0; window < TINYML_STAGED; ++window) {
        const int32_t pixel = tinyml_min(first + window, last);
        const int32_t row = pixel / w->output_width;
        const int32_t column = pixel - row * w->output_width;
        const int32_t x = column * w->stride_width - w->pad_left + element * w->dilation_width;
        const int32_t y = row * w->stride_height - w->pad_top;
        const int32_t begin = tinyml_min(tinyml_max(-x, 0), stage->run_pixels);
        const int32_t end = tinyml_max(tinyml_min(w->input_width - x, stage->run_pixels), begin);
        const walk of = {input + (y * w->input_width + x) * channels, y, begin * channels, end * channels};
        walks[window] = of;
    }
}

/* Spreads `rows` runs of `bytes` bytes, a positive multiple of four, of each window; answers where to go on. */
static uint32_t *spread(const tinyml_stage *stage, walk walks[TINYML_STAGED], int inside, int32_t rows,
                        int32_t bytes, uint32_t *staged, int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const int32_t gap = pitch(w) - bytes;
    const int8_t *run0 = walks[0].at;
    const int8_t *run1 = walks[1].at;
    const int8_t *run2 = walks[2].at;
    const int8_t *run3 = walks[3].at;
    for (int32_t row = 0; row < rows; ++row) {
        int32_t left = bytes;
        if (!inside) {
            run0 = next_run(w, &walks[0], bytes, spare);
            run1 = next_run(w, &walks[1], bytes, spare + bytes);
            run2 = next_run(w, &walks[2], bytes, spare + 2 * bytes);
            run3 = next_run(w, &walks[3], bytes, spare + 3 * bytes);
        }
#if defined(TINYML_DSP)
        uint32_t even0, even1;
        __asm volatile("1:\n\t"
                       "ldr r8, [%[run0]], #4\n\t"
                       "ldr r9, [%[run1]], #4\n\t"
                       "ldr r10, [%[run2]], #4\n\t"
                       "ldr r11, [%[run3]], #4\n\t"
                       "sxtb16 %[even0], r8\n\t"
                       "sxtb16 %[even1], r9\n\t"
                       "strd %[even0], %[even1], [%[staged]], #8\n\t"
                       "sxtb16 %[even0], r10\n\t"
                       "sxtb16 %[even1], r11\n\t"
                       "strd %[even0], %[even1], [%[staged]], #8\n\t"
                       "sxtb16 r8, r8, ror #8\n\t"
                       "sxtb16 r9, r9, ror #8\n\t"
                       "sxtb16 r10, r10, ror #8\n\t"
                       "sxtb16 r11, r11, ror #8\n\t"
                       "stm %[staged]!, {r8-r11}\n\t"
                       "subs %[left], #4\n\t"
                       "bne 1b"
                       : [run0] "+r"(run0), [run1] "+r"(run1), [run2] "+r"(run2), [run3] "+r"(run3),
                         [staged] "+r"(staged), [left] "+r"(left), [even0] "=&r"(even0), [even1] "=&r"(even1)
                       :
                       : "r8", "r9", "r10", "r11", "cc", "memory");
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

/* Copies the runs of a window one after the other. */
static void gather(const tinyml_window *w, walk of, int inside, int32_t bytes, int8_t *to)
{
    const int32_t step = pitch(w);
    const int32_t bottom = of.y + (w->window_height - 1) * w->dilation_height;
    const int8_t *const end = to + w->window_height * bytes;
    inside |= of.y >= 0 && bottom < w->input_height && of.end - of.begin == bytes;
#if defined(TINYML_DSP)
    if (inside && bytes >= 4 && bytes <= 12) { /* three words, of which some may be the same or overlap */
        const int32_t middle = bytes >= 8 ? 4 : 0;
        for (; to != end; to += bytes, of.at += step) {
            copy_word(to, of.at);
            copy_word(to + middle, of.at + middle);
            copy_word(to + bytes - 4, of.at + bytes - 4);
        }
        return;
    }
#endif
    for (; to != end; to += bytes) {
        if (inside || is_whole(w, &of, bytes)) {
            copy(to, of.at, bytes);
        } else {
            copy_run(w, &of, bytes, to);
        }
        of.at += step;
        of.y += w->dilation_height;
    }
}

void tinyml_stage_windows(const tinyml_stage *stage, const int8_t *input, int32_t first, uint32_t *staged,
                          int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const int32_t bytes = stage->run_pixels * w->input_channels;
    walk walks[TINYML_STAGED] = {{input, 0, 0, 0}, {input, 0, 0, 0}, {input, 0, 0, 0}, {input, 0, 0, 0}};
    int8_t *to = spare;
    for (int32_t element = 0; element < w->window_width; element += stage->run_pixels) {
        const int inside = begin_inside(stage, input, first, element, walks);
        if (!inside) {
            begin_anywhere(stage, input, first, element, walks);
        }
        if (!stage->gathers) {
            staged = spread(stage, walks, inside, w->window_height, bytes, staged, spare);
            continue;
        }
        for (int32_t window = 0; window < TINYML_STAGED; ++window) {
            gather(w, walks[window], inside, bytes, to + window * stage->taps);
        }
        to += w->window_height * bytes;
    }
    if (stage->gathers) {
        for (int32_t window = 0; window < TINYML_STAGED; ++window) {
            walks[window].at = spare + window * stage->taps;
        }
        (void)spread(stage, walks, 1, 1, stage->taps, staged, spare);
    }
}
