#include "tinyml_stage.h"

#include "tinyml_dsp.h"

/* Spreads `bytes` bytes, a positive multiple of four, of four runs; answers where to go on. */
static uint32_t *spread(const int8_t *const runs[TINYML_STAGED], int32_t bytes, uint32_t *staged)
{
#if defined(TINYML_DSP)
    const int8_t *run0 = runs[0];
    const int8_t *run1 = runs[1];
    const int8_t *run2 = runs[2];
    const int8_t *run3 = runs[3];
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
                   "subs %[bytes], #4\n\t"
                   "bne 1b"
                   : [run0] "+r"(run0), [run1] "+r"(run1), [run2] "+r"(run2), [run3] "+r"(run3),
                     [staged] "+r"(staged), [bytes] "+r"(bytes), [even0] "=&r"(even0), [even1] "=&r"(even1)
                   :
                   : "r8", "r9", "r10", "r11", "cc", "memory");
#else
    for (int32_t tap = 0; tap < bytes; tap += 4) {
        for (int32_t half = 0; half < 2; ++half) {
            for (int32_t window = 0; window < TINYML_STAGED; ++window) {
                const int8_t *x = runs[window] + tap + half;
                *staged++ = (uint32_t)(uint16_t)x[0] | (uint32_t)(uint16_t)x[2] << 16;
            }
        }
    }
#endif
    return staged;
}

/* Like memcpy and memset, which a C library for small cores has byte by byte. */
static void copy(int8_t *to, const int8_t *from, int32_t bytes)
{
    int32_t i = 0;
#if defined(TINYML_DSP)
    for (; i + 4 <= bytes; i += 4) {
        __builtin_memcpy(to + i, from + i, 4); /* a load and a store */
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

static int in_image(const tinyml_window *w, const walk *of)
{
    return of->y >= 0 && of->y < w->input_height;
}

static void next_row(const tinyml_window *w, walk *of)
{
    of->at += w->dilation_height * w->input_width * w->input_channels;
    of->y += w->dilation_height;
}

/* Copies a run; what lies outside the image is the zero point. */
static void copy_run(const tinyml_window *w, const walk *of, int32_t bytes, int8_t *to)
{
    const int8_t zero = (int8_t)w->input_zero_point;
    const int32_t begin = in_image(w, of) ? of->begin : 0;
    const int32_t end = in_image(w, of) ? of->end : 0;
    fill(to, zero, begin);
    copy(to + begin, of->at + begin, end - begin);
    fill(to + end, zero, bytes - end);
}

/* Begins the walks of four windows at an element of their rows; answers whether all they see is inside. */
static int begin_walks(const tinyml_stage *stage, const int8_t *input, int32_t first, int32_t element,
                       walk walks[TINYML_STAGED])
{
    const tinyml_window *w = &stage->window;
    const int32_t channels = w->input_channels;
    const int32_t reach = (w->window_height - 1) * w->dilation_height;
    const int32_t last_row = w->output_height - 1;
    int32_t row = first / w->output_width;
    int32_t column = first - row * w->output_width;
    int inside = 1;
    for (int32_t window = 0; window < TINYML_STAGED; ++window) {
        const int32_t x = column * w->stride_width - w->pad_left + element * w->dilation_width;
        const int32_t y = row * w->stride_height - w->pad_top;
        const int32_t begin = tinyml_min(tinyml_max(-x, 0), stage->run_pixels);
        const int32_t end = tinyml_max(tinyml_min(w->input_width - x, stage->run_pixels), begin);
        const walk of = {input + (y * w->input_width + x) * channels, y, begin * channels, end * channels};
        walks[window] = of;
        inside &= end - begin == stage->run_pixels && y >= 0 && y + reach < w->input_height;
        if (++column == w->output_width && row < last_row) {
            column = 0;
            ++row;
        }
        column = tinyml_min(column, w->output_width - 1);
    }
    return inside;
}

static uint32_t *stage_inside(const tinyml_window *w, const walk walks[TINYML_STAGED], int32_t bytes,
                              uint32_t *staged)
{
    const int32_t pitch = w->dilation_height * w->input_width * w->input_channels;
    const int8_t *runs[TINYML_STAGED] = {walks[0].at, walks[1].at, walks[2].at, walks[3].at};
    for (int32_t row = 0; row < w->window_height; ++row) {
        staged = spread(runs, bytes, staged);
        for (int32_t window = 0; window < TINYML_STAGED; ++window) {
            runs[window] += pitch;
        }
    }
    return staged;
}

static uint32_t *stage_border(const tinyml_window *w, walk walks[TINYML_STAGED], int32_t bytes, uint32_t *staged,
                              int8_t *spare)
{
    for (int32_t row = 0; row < w->window_height; ++row) {
        const int8_t *runs[TINYML_STAGED];
        for (int32_t window = 0; window < TINYML_STAGED; ++window) {
            walk *const of = &walks[window];
            runs[window] = of->at;
            if (!in_image(w, of) || of->end - of->begin < bytes) {
                runs[window] = spare + window * bytes;
                copy_run(w, of, bytes, spare + window * bytes);
            }
            next_row(w, of);
        }
        staged = spread(runs, bytes, staged);
    }
    return staged;
}

/* Copies the runs of a window one after the other. */
static void gather(const tinyml_window *w, walk *of, int32_t bytes, int8_t *to)
{
    for (int32_t row = 0; row < w->window_height; ++row) {
        if (in_image(w, of) && of->end - of->begin == bytes) {
            copy(to, of->at, bytes);
        } else {
            copy_run(w, of, bytes, to);
        }
        next_row(w, of);
        to += bytes;
    }
}

static void stage_gathered(const tinyml_stage *stage, const int8_t *input, int32_t first, uint32_t *staged,
                           int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const int32_t bytes = stage->run_pixels * w->input_channels;
    const int8_t *windows[TINYML_STAGED];
    int8_t *to = spare;
    for (int32_t element = 0; element < w->window_width; element += stage->run_pixels) {
        walk walks[TINYML_STAGED];
        (void)begin_walks(stage, input, first, element, walks);
        for (int32_t window = 0; window < TINYML_STAGED; ++window) {
            windows[window] = spare + window * stage->taps;
            gather(w, &walks[window], bytes, to + window * stage->taps);
        }
        to += w->window_height * bytes;
    }
    spread(windows, stage->taps, staged);
}

void tinyml_stage_windows(const tinyml_stage *stage, const int8_t *input, int32_t first, uint32_t *staged,
                          int8_t *spare)
{
    const tinyml_window *w = &stage->window;
    const int32_t bytes = stage->run_pixels * w->input_channels;
    if (stage->gathers) {
        stage_gathered(stage, input, first, staged, spare);
        return;
    }
    for (int32_t element = 0; element < w->window_width; element += stage->run_pixels) {
        walk walks[TINYML_STAGED];
        const int inside = begin_walks(stage, input, first, element, walks);
        staged = inside ? stage_inside(w, walks, bytes, staged) : stage_border(w, walks, bytes, staged, spare);
    }
}
