#include "tinyml_winograd_s8.h"

#include <string.h>

#include "tinyml_dsp.h"

#if defined(TINYML_DSP) && defined(__thumb2__)
#define WINOGRAD_ASM 1
#endif

/*
 * A block is four tiles side by side: two rows of eight outputs, of four rows of ten input pixels.
 *
 * Its lower two rows are taken from the input, padded with the zero point; they are kept as the upper two of the
 * blocks below, so that outputs may lie on the input.
 *
 * The transformed block has a word for two channels, (0, 2), (1, 3), (4, 6), ...: [pair][pass][tile]. Its pairs lie
 * in parts of PART; the first may be shorter. After each part lies a row of links, one a pass: a pass steps through
 * the block in strides of a row and so ends at a link of its own, which says what comes next. This leaves all
 * registers to the sums.
 */
enum { TILES = 4, COLUMNS = 10, PASSES = 16, PART = 16, STEP = PASSES * TILES, KEPT = 43 };

/* How a pair of channels is requantized, from the stream, and that a block is cut: as the flags N and C. */
#define EXACT 0x80000000u
#define CUT 0x20000000u

/* Where things lie in the scratch memory. */
typedef struct {
    uint32_t *upper; /* [input channels / 4][columns][2]: upper two rows */
    int32_t columns; /* of a row of blocks */
    uint32_t *lower; /* [input channels / 4][COLUMNS][2]: lower two rows of a block */
    int32_t *spread; /* a pair of output channels as in the stream, where the weights are transformed here */
    uint32_t *block; /* its first part */
    int32_t pairs;   /* of input channels */
    int32_t first;   /* of these in the first part */
    int32_t size;    /* words from one held block to the next */
} place;

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

/* G along both dimensions, doubled, for four input channels of one output channel; `step` words a pass. */
static void spread_four(const int32_t *taps, int32_t *to, int32_t step, int32_t constants);

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

#if defined(WINOGRAD_ASM)

#if defined(__clang__)
#define ONE_COPY __attribute__((noinline))
#else
#define ONE_COPY __attribute__((noinline, noclone))
#endif

/* A row of these is as long as a row of a block. */
typedef struct {
    uint32_t code;  /* where the program goes on after this pass */
    uint32_t value; /* see the places below */
    /* Of the link that follows: where the pass after it begins in the block, and the code that begins it. */
    uint32_t next, begin;
} winograd_link;

/* After the last row of links. */
typedef struct {
    uint32_t sums[8 * 5]; /* sets of eight, of two channels and four tiles */
    uint32_t cut;         /* CUT or 0 */
    int32_t left;         /* pairs of output channels */
    uint32_t r7;          /* which some compilers keep for themselves */
} winograd_kept;

/* The passes after which two rows of left outputs, then of right ones are done. */
enum { SITES = 4 };
static const uint8_t site_of[SITES] = {10, 11, 14, 15};

/* So many links before that of a site lies the one that holds, as a value, something for it. */
enum { TO = 0, BACK = 2, STRIDE = 8, COUNT = 10 };

/* Places in the code, after those of the passes and sites. */
enum { MORE = PASSES + SITES, BODY, END };

static void transform_part(const uint32_t *upper, const uint32_t *lower, int32_t columns, uint32_t *to, int32_t fours)
{
    uint32_t rows[43]; /* four rows of COLUMNS, then what has no register */
    rows[40] = (uint32_t)columns * 8;
    rows[41] = (uint32_t)fours;
    register const uint32_t *from __asm("r0") = upper;
    register const uint32_t *also __asm("r1") = lower;
    register uint32_t *out __asm("r2") = to;
    register uint32_t *kept __asm("r3") = rows;
    __asm volatile(
        /* B^T along the columns: rows 0 - 2, 1 + 2, 2 - 1, 3 - 1, of two columns at a time. */
        ".macro winograd_columns turn\n\t"
        ".irp column, 0, 2, 4, 6, 8\n\t"
        "ldrd r4, r5, [r0, #8 * \\column]\n\t"
        "ldrd r6, r7, [r1, #8 * \\column]\n\t"
        "ldrd r8, r9, [r0, #8 * \\column + 8]\n\t"
        "ldrd r10, r11, [r1, #8 * \\column + 8]\n\t"
        ".irp word, r4, r5, r6, r7, r8, r9, r10, r11\n\t"
        "sxtb16 \\word, \\word, ror #\\turn\n\t"
        ".endr\n\t"
        "ssub16 r4, r4, r6\n\t"
        "ssub16 r8, r8, r10\n\t"
        "strd r4, r8, [r3, #4 * \\column]\n\t"
        "sadd16 r12, r5, r6\n\t"
        "sadd16 lr, r9, r10\n\t"
        "strd r12, lr, [r3, #4 * \\column + 40]\n\t"
        "ssub16 r6, r6, r5\n\t"
        "ssub16 r10, r10, r9\n\t"
        "strd r6, r10, [r3, #4 * \\column + 80]\n\t"
        "ssub16 r5, r7, r5\n\t"
        "ssub16 r9, r11, r9\n\t"
        "strd r5, r9, [r3, #4 * \\column + 120]\n\t"
        ".endr\n\t"
        ".endm\n\t"
        /* The same along one row, for the passes that take its four elements; r4 to r9 are six columns. */
        ".macro winograd_row at, p0, p1, p2, p3\n\t"
        "ldm r3!, {r4-r9}\n\t"
        "ssub16 r10, r4, r6\n\t"
        "ssub16 r11, r6, r8\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p0]\n\t"
        "sadd16 r10, r5, r6\n\t"
        "sadd16 r11, r7, r8\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p1]\n\t"
        "ssub16 r10, r6, r5\n\t"
        "ssub16 r11, r8, r7\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p2]\n\t"
        "ssub16 r10, r7, r5\n\t"
        "ssub16 r11, r9, r7\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p3]\n\t"
        "ldm r3!, {r4-r7}\n\t"
        "ssub16 r10, r8, r4\n\t"
        "ssub16 r11, r4, r6\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p0 + 8]\n\t"
        "sadd16 r10, r9, r4\n\t"
        "sadd16 r11, r5, r6\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p1 + 8]\n\t"
        "ssub16 r10, r4, r9\n\t"
        "ssub16 r11, r6, r5\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p2 + 8]\n\t"
        "ssub16 r10, r5, r9\n\t"
        "ssub16 r11, r7, r5\n\t"
        "strd r10, r11, [r2, #\\at + 16 * \\p3 + 8]\n\t"
        ".endm\n\t"
        ".macro winograd_rows at\n\t"
        "winograd_row \\at, 10, 0, 4, 14\n\t"
        "winograd_row \\at, 9, 2, 6, 13\n\t"
        "winograd_row \\at, 8, 3, 7, 12\n\t"
        "winograd_row \\at, 11, 1, 5, 15\n\t"
        "sub r3, r3, #160\n\t"
        ".endm\n\t"
        "str r7, [r3, #168]\n\t" /* some compilers keep it for themselves */
        "1:\n\t"
        "winograd_columns 0\n\t"
        "winograd_rows 0\n\t"
        "winograd_columns 8\n\t"
        "winograd_rows 256\n\t"
        "add r2, r2, #512\n\t"
        "ldrd r4, r5, [r3, #160]\n\t"
        "add r0, r0, r4\n\t"
        "add r1, r1, #80\n\t"
        "subs r5, r5, #1\n\t"
        "str r5, [r3, #164]\n\t"
        "bne 1b\n\t"
        "ldr r7, [r3, #168]\n\t"
        ".purgem winograd_columns\n\t"
        ".purgem winograd_row\n\t"
        ".purgem winograd_rows\n\t"
        : "+r"(from), "+r"(also), "+r"(out), "+r"(kept)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}


/*
 * All outputs of a block. r0: in the last row of links, the last of them. Between passes the kernel keeps sets of
 * eight sums, of four tiles and two output channels, after that row: `sum` (at 256), `part`, zeros, and one for
 * either row of the outputs. With no channels to do, answers the table of the places in its code: there must be
 * only one copy of that.
 */
ONE_COPY static const int32_t *multiply(winograd_link *last, const int32_t *stream)
{
    register const void *links __asm("r0") = last;
    register const int32_t *constants __asm("r1") = stream;
    __asm volatile(
        /* Goes to where the next pass begins, and to the code that begins it. */
        ".macro winograd_pass\n\t"
        "ldmdb r0, {r0, pc}\n\t"
        ".endm\n\t"
        /* The set at r0 + at becomes its difference to the sums, these their sum with it. */
        ".macro winograd_butterfly at, reversed=0\n\t"
        ".irp two, 0, 2, 4, 6\n\t"
        "ldrd r10, r11, [r0, #\\at + 4 * \\two]\n\t"
        ".if \\two == 0\n\t"
        "winograd_both \\at, \\two, r2, r3, \\reversed\n\t"
        ".elseif \\two == 2\n\t"
        "winograd_both \\at, \\two, r4, r5, \\reversed\n\t"
        ".elseif \\two == 4\n\t"
        "winograd_both \\at, \\two, r6, r7, \\reversed\n\t"
        ".else\n\t"
        "winograd_both \\at, \\two, r8, r9, \\reversed\n\t"
        ".endif\n\t"
        ".endr\n\t"
        ".endm\n\t"
        ".macro winograd_both at, two, x, y, reversed\n\t"
        ".if \\reversed\n\t"
        "sub r12, \\x, r10\n\t"
        "sub lr, \\y, r11\n\t"
        ".else\n\t"
        "sub r12, r10, \\x\n\t"
        "sub lr, r11, \\y\n\t"
        ".endif\n\t"
        "strd r12, lr, [r0, #\\at + 4 * \\two]\n\t"
        "add \\x, \\x, r10\n\t"
        "add \\y, \\y, r11\n\t"
        ".endm\n\t"

        "ldr r12, [r0, #180]\n\t"
        "cmp r12, #0\n\t"
        "bne 30f\n\t"
        "adr r0, 31f\n\t"
        "b 32f\n\t"
        ".balign 4\n\t"
        "31:\n\t"
        ".irp place, 40f, 41f, 42f, 43f, 44f, 45f, 46f, 47f, 48f, 49f, 33f, 33f, 52f, 53f, 33f, 33f\n\t"
        ".word \\place - 31b + 1\n\t"
        ".endr\n\t"
        ".irp place, 50f, 51f, 54f, 55f, 34f, 35f, 36f\n\t"
        ".word \\place - 31b + 1\n\t"
        ".endr\n\t"
        "30:\n\t"
        "str r7, [r0, #184]\n\t"

        /* A pair of channels: how it is requantized, and whether the block is cut. */
        "37:\n\t"
        "ldr r12, [r1], #4\n\t"
        "ldr lr, [r0, #176]\n\t"
        "orr r12, r12, lr\n\t"
        "msr APSR_nzcvq, r12\n\t"
        "add lr, r0, #(320 - 240)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "40:\n\t" /* (0, 1), halved */
        "add lr, r0, #288\n\t"
        "stm lr!, {r2-r9}\n\t"
        "ldm lr, {r2-r9}\n\t"
        "add r0, r0, #256\n\t" /* there is no link before the first */
        "winograd_pass\n\t"
        "41:\n\t" /* (3, 1), halved */
        "winograd_butterfly (288 - 16)\n\t"
        "ldrd r10, r11, [r1], #8\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "add \\sum, \\sum, r10\n\t"
        ".endr\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "add \\sum, \\sum, r11\n\t"
        ".endr\n\t"
        "winograd_pass\n\t"
        "42:\n\t" /* (1, 1) */
        "add lr, r0, #(352 - 32)\n\t"
        "stm lr, {r2-r9}\n\t"
        "add lr, r0, #(288 - 32)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "43:\n\t" /* (2, 1) */
        "add lr, r0, #(384 - 48)\n\t"
        "stm lr, {r2-r9}\n\t"
        "add lr, r0, #(320 - 48)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "44:\n\t" /* (0, 2), halved */
        "add lr, r0, #(288 - 64)\n\t"
        "stm lr!, {r2-r9}\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "45:\n\t" /* (3, 2), halved */
        "winograd_butterfly (288 - 80)\n\t"
        "winograd_pass\n\t"
        "46:\n\t" /* (1, 2) */
        "winograd_butterfly (352 - 96)\n\t"
        "add lr, r0, #(256 - 96)\n\t"
        "stm lr!, {r2-r9}\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "47:\n\t" /* (2, 2) */
        "winograd_butterfly (384 - 112)\n\t"
        "winograd_pass\n\t"

        /* The left outputs. */
        "48:\n\t" /* (2, 0) */
        "add lr, r0, #(320 - 128)\n\t"
        "stmdb lr!, {r2-r9}\n\t"
        "ldmdb lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "49:\n\t" /* (1, 0) */
        "winograd_butterfly (288 - 144), 1\n\t"
        "winograd_pass\n\t"
        "50:\n\t" /* (0, 0), requantized */
        "add lr, r0, #(288 - 160)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "51:\n\t" /* (3, 0), requantized */
        "add lr, r0, #(384 - 176)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"

        /* The right outputs. */
        "52:\n\t" /* (2, 3) */
        "add lr, r0, #(288 - 192)\n\t"
        "stm lr, {r2-r9}\n\t"
        "add lr, r0, #(352 - 192)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "53:\n\t" /* (1, 3) */
        "winograd_butterfly (288 - 208), 1\n\t"
        "winograd_pass\n\t"
        "54:\n\t" /* (0, 3), requantized */
        "add lr, r0, #(288 - 224)\n\t"
        "ldm lr, {r2-r9}\n\t"
        "winograd_pass\n\t"
        "55:\n\t" /* (3, 3), requantized */
        "ldr r12, [r0, #180]\n\t"
        "subs r12, r12, #1\n\t"
        "str r12, [r0, #180]\n\t"
        "bne 37b\n\t"
        "ldr r7, [r0, #184]\n\t"
        "b 32f\n\t"

        /* The products of a pass: up to PART pairs of input channels. */
        "34:\n\t"
        "add r0, r0, #256\n\t"
        "35:\n\t"
        ".rept 16\n\t"
        "ldrd r12, lr, [r1], #8\n\t"
        "ldrd r10, r11, [r0], #8\n\t"
        "smlad r2, r12, r10, r2\n\t"
        "smlad r6, lr, r10, r6\n\t"
        "smlad r3, r12, r11, r3\n\t"
        "smlad r7, lr, r11, r7\n\t"
        "ldrd r10, r11, [r0], #248\n\t"
        "smlad r4, r12, r10, r4\n\t"
        "smlad r8, lr, r10, r8\n\t"
        "smlad r5, r12, r11, r5\n\t"
        "smlad r9, lr, r11, r9\n\t"
        ".endr\n\t"
        "36:\n\t"
        "ldr pc, [r0]\n\t"

        /* Requantizes the sums of one row and column of the tiles. */
        "33:\n\t"
        "bmi 60f\n\t"
        "ldm r1!, {r10-r12, lr}\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "smmlar \\sum, \\sum, r10, r11\n\t"
        ".endr\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "smmlar \\sum, \\sum, r12, lr\n\t"
        ".endr\n\t"
        ".irp sum, r2, r3, r4, r5, r6, r7, r8, r9\n\t"
        "ssat \\sum, #8, \\sum, asr #4\n\t"
        ".endr\n\t"
        "61:\n\t"
        "bfi r2, r6, #8, #8\n\t"
        "bfi r3, r7, #8, #8\n\t"
        "bfi r4, r8, #8, #8\n\t"
        "bfi r5, r9, #8, #8\n\t"
        "ldr r12, [r0, #4]\n\t"
        "ldr r10, [r0, #-124]\n\t"
        "bcs 63f\n\t"
        "strh r3, [r12, r10]\n\t"
        "add lr, r12, r10, lsl #1\n\t"
        "strh r4, [lr]\n\t"
        "strh r5, [lr, r10]\n\t"
        "strh r2, [r12], #2\n\t"
        "str r12, [r0, #4]\n\t"
        "ldr pc, [r0, #-28]\n\t"

        /* TFLM's own arithmetic. */
        "60:\n\t"
        "ldm r1!, {r10-r12}\n\t"
        ".irp sum, r2, r3, r4, r5\n\t"
        "add lr, r11, \\sum, asr #31\n\t"
        "smmlar \\sum, \\sum, r10, lr\n\t"
        "asr \\sum, \\sum, r12\n\t"
        "ssat \\sum, #8, \\sum\n\t"
        ".endr\n\t"
        "ldm r1!, {r10-r12}\n\t"
        ".irp sum, r6, r7, r8, r9\n\t"
        "add lr, r11, \\sum, asr #31\n\t"
        "smmlar \\sum, \\sum, r10, lr\n\t"
        "asr \\sum, \\sum, r12\n\t"
        "ssat \\sum, #8, \\sum\n\t"
        ".endr\n\t"
        "b 61b\n\t"

        /* Stores only as many tiles as there are. */
        "63:\n\t"
        "mrs r11, APSR\n\t"
        "add lr, r12, #2\n\t"
        "str lr, [r0, #4]\n\t"
        "ldr lr, [r0, #-156]\n\t"
        "cmp lr, #1\n\t"
        "blt 64f\n\t"
        "strh r2, [r12]\n\t"
        "beq 64f\n\t"
        "strh r3, [r12, r10]\n\t"
        "add r12, r12, r10, lsl #1\n\t"
        "cmp lr, #3\n\t"
        "blt 64f\n\t"
        "strh r4, [r12]\n\t"
        "beq 64f\n\t"
        "strh r5, [r12, r10]\n\t"
        "64:\n\t"
        "msr APSR_nzcvq, r11\n\t"
        "ldr pc, [r0, #-28]\n\t"
        ".purgem winograd_pass\n\t"
        ".purgem winograd_butterfly\n\t"
        ".purgem winograd_both\n\t"
        "32:"
        : "+r"(links), "+r"(constants)
        :
        : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return links;
}

static winograd_link *links_after(const place *at, int32_t pairs)
{
    return (winograd_link *)(void *)(at->block + pairs * STEP + (pairs - at->first) / PART * STEP);
}

static winograd_kept *kept_after(winograd_link *last)
{
    return (winograd_kept *)(void *)(last + PASSES);
}

/* Ties the passes together. */
static void prepare(const tinyml_window *w, const place *at)
{
    winograd_link *const last = links_after(at, at->pairs);
    winograd_kept *const kept = kept_after(last);
    for (int32_t i = 0; i < (int32_t)(sizeof kept->sums / sizeof *kept->sums); ++i) {
        kept->sums[i] = 0;
    }
    kept->left = 0;
    const uint32_t *const code = (const uint32_t *)multiply(last + PASSES - 1, NULL);
    const uint32_t origin = (uint32_t)(uintptr_t)code;
    const uint32_t pair = (code[END] - code[BODY]) / PART;
    for (int32_t pass = 0; pass < PASSES; ++pass) {
        for (int32_t pairs = at->first; pairs < at->pairs; pairs += PART) {
            links_after(at, pairs)[pass].code = origin + code[MORE];
        }
        last[pass].code = origin + code[pass];
        last[pass].next = (uint32_t)(uintptr_t)(at->block + (pass + 2) % PASSES * TILES);
        last[pass].begin = origin + code[BODY] + (uint32_t)(PART - at->first) * pair;
    }
    for (int32_t site = 0; site < SITES; ++site) {
        last[site_of[site] - BACK].value = origin + code[PASSES + site];
        last[site_of[site] - STRIDE].value = 2 * (uint32_t)w->output_channels;
    }
}

/* Some pairs of channels of a block's outputs, `rows` by `columns` of them. */
static void multiply_block(const tinyml_window *w, const place *at, const int32_t *stream, int32_t pairs,
                           int8_t *output, int32_t rows, int32_t columns)
{
    winograd_link *const last = links_after(at, at->pairs);
    winograd_kept *const kept = kept_after(last);
    kept->left = pairs;
    kept->cut = rows == 2 && columns == 2 * TILES ? 0 : CUT;
    for (int32_t site = 0; site < SITES; ++site) {
        const int32_t row = site & 1;
        const int32_t column = site >> 1;
        int8_t *const to = output + (row * w->output_width + column) * w->output_channels;
        last[site_of[site] - TO].value = (uint32_t)(uintptr_t)to;
        last[site_of[site] - COUNT].value = row < rows ? (uint32_t)(columns + 1 - column) / 2 : 0;
    }
    multiply(last + PASSES - 1, stream);
}

static void spread_four(const int32_t *taps, int32_t *to, int32_t step, int32_t constants)
{
    register const int32_t *from __asm("r0") = taps;
    register int32_t *out __asm("r1") = to;
    register int32_t pass __asm("r2") = 4 * step;
    register int32_t site __asm("r3") = 4 * (step + constants);
    __asm volatile(
        /* Three taps of the window's column. */
        ".macro winograd_taps x, y, z, at, turn\n\t"
        "ldrd \\x, \\y, [r0, #\\at]\n\t"
        "ldr \\z, [r0, #\\at + 8]\n\t"
        "sxtb16 \\x, \\x, ror #\\turn\n\t"
        "sxtb16 \\y, \\y, ror #\\turn\n\t"
        "sxtb16 \\z, \\z, ror #\\turn\n\t"
        ".endm\n\t"
        /* Four passes of an inner column: its outer rows halved. */
        ".macro winograd_inner x, y, z\n\t"
        "str \\x, [r1]\n\t"
        "str \\z, [r1, r2]\n\t"
        "add r1, r1, r2, lsl #1\n\t"
        ".endm\n\t"
        ".macro winograd_middle x, y, z\n\t"
        "sadd16 r8, \\x, \\z\n\t"
        "sadd16 r9, r8, \\y\n\t"
        "ssub16 r8, r8, \\y\n\t"
        "str r9, [r1]\n\t"
        "str r8, [r1, r2]\n\t"
        "add r1, r1, r2, lsl #1\n\t"
        ".endm\n\t"
        /* Four passes of an outer column. */
        ".macro winograd_outer\n\t"
        "sadd16 r4, r4, r4\n\t"
        "sadd16 r5, r5, r5\n\t"
        "sadd16 r6, r6, r6\n\t"
        "sadd16 r8, r4, r6\n\t"
        "ssub16 r9, r8, r5\n\t"
        "str r9, [r1]\n\t"
        "sadd16 r8, r8, r5\n\t"
        "str r8, [r1, r2]\n\t"
        "sadd16 r4, r4, r4\n\t"
        "str r4, [r1, r2, lsl #1]\n\t"
        "add r1, r1, r2, lsl #1\n\t"
        "add r1, r1, r3\n\t"
        "sadd16 r6, r6, r6\n\t"
        "str r6, [r1]\n\t"
        ".endm\n\t"
        ".irp turn, 0, 8\n\t"
        "winograd_taps r4, r5, r6, 0, \\turn\n\t"
        "winograd_taps r8, r9, r10, 24, \\turn\n\t"
        "sadd16 r4, r4, r8\n\t"
        "sadd16 r5, r5, r9\n\t"
        "sadd16 r6, r6, r10\n\t"
        "winograd_taps r8, r9, r10, 12, \\turn\n\t"
        "sadd16 r11, r4, r8\n\t"
        "sadd16 r12, r5, r9\n\t"
        "sadd16 lr, r6, r10\n\t"
        "ssub16 r4, r4, r8\n\t"
        "ssub16 r5, r5, r9\n\t"
        "ssub16 r6, r6, r10\n\t"
        "winograd_inner r11, r12, lr\n\t"
        "add r1, r1, #8\n\t" /* what sums start from */
        "winograd_middle r11, r12, lr\n\t"
        "winograd_inner r4, r5, r6\n\t"
        "winograd_middle r4, r5, r6\n\t"
        "winograd_taps r4, r5, r6, 0, \\turn\n\t"
        "winograd_outer\n\t"
        "add r1, r1, r3\n\t"
        "winograd_taps r4, r5, r6, 24, \\turn\n\t"
        "winograd_outer\n\t"
        /* Back to the first pass, and from even channels to odd ones. */
        "sub r1, r1, r3\n\t"
        "sub r1, r1, r3, lsl #1\n\t"
        "sub r1, r1, r2, lsl #3\n\t"
        "sub r1, r1, r2, lsl #2\n\t"
        ".endr\n\t"
        ".purgem winograd_taps\n\t"
        ".purgem winograd_inner\n\t"
        ".purgem winograd_middle\n\t"
        ".purgem winograd_outer\n\t"
        : "+r"(from), "+r"(out), "+r"(pass), "+r"(site)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
}

#else

/* The pass that multiplies an element of the transformed tile. */
static const uint8_t pass_of[4][4] = {{10, 0, 4, 14}, {9, 2, 6, 13}, {8, 3, 7, 12}, {11, 1, 5, 15}};

static int32_t byte_at(uint32_t word, int32_t bit)
{
    return (int8_t)(word >> bit & 0xff);
}

static int32_t half_at(uint32_t word, int32_t bit)
{
    return (int16_t)(word >> bit & 0xffff);
}

static uint32_t halfwords(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffff) | (uint32_t)high << 16;
}

/* One row of tiles, [column][half], of the four rows or columns that a tile has. */
static void transform_part(const uint32_t *upper, const uint32_t *lower, int32_t columns, uint32_t *to, int32_t fours)
{
    for (int32_t half = 0; half < 2 * fours; ++half) {
        int32_t rows[4][COLUMNS][2];
        for (int32_t i = 0; i < 2 * COLUMNS; ++i) {
            const int32_t column = i / 2;
            const int32_t bit = (half & 1) * 8 + (i & 1) * 16;
            const int32_t x0 = byte_at(upper[2 * column], bit);
            const int32_t x1 = byte_at(upper[2 * column + 1], bit);
            const int32_t x2 = byte_at(lower[2 * column], bit);
            const int32_t x3 = byte_at(lower[2 * column + 1], bit);
            rows[0][column][i & 1] = x0 - x2;
            rows[1][column][i & 1] = x1 + x2;
            rows[2][column][i & 1] = x2 - x1;
            rows[3][column][i & 1] = x3 - x1;
        }
        for (int32_t i = 0; i < 4 * TILES; ++i) {
            const int32_t tile = i / 4;
            const int32_t row = i % 4;
            const int32_t(*const x)[2] = (const int32_t(*)[2])rows[row] + 2 * tile;
            to[TILES * pass_of[row][0] + tile] = halfwords(x[0][0] - x[2][0], x[0][1] - x[2][1]);
            to[TILES * pass_of[row][1] + tile] = halfwords(x[1][0] + x[2][0], x[1][1] + x[2][1]);
            to[TILES * pass_of[row][2] + tile] = halfwords(x[2][0] - x[1][0], x[2][1] - x[1][1]);
            to[TILES * pass_of[row][3] + tile] = halfwords(x[3][0] - x[1][0], x[3][1] - x[1][1]);
        }
        to += STEP;
        upper += (half & 1) * 2 * columns;
        lower += (half & 1) * 2 * COLUMNS;
    }
}

static void spread_four(const int32_t *taps, int32_t *to, int32_t step, int32_t constants)
{
    for (int32_t row = 0; row < 4; ++row) {
        for (int32_t column = 0; column < 4; ++column) {
            static const int8_t transform[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
            const int32_t pass = pass_of[row][column];
            const int halved = row % 3 == 0 && column % 3 != 0;
            const int32_t before = (pass > 1 ? 2 : 0) + constants * ((pass > 10) + (pass > 11) + (pass > 14));
            int32_t sum[4] = {0, 0, 0, 0};
            for (int32_t i = 0; i < 36; ++i) {
                const int32_t y = i / 4 % 3;
                const int32_t x = i / 12;
                sum[i & 3] += transform[row][y] * transform[column][x] * byte_at((uint32_t)taps[i / 4], 8 * (i & 3));
            }
            for (int32_t i = 0; i < 4; ++i) {
                sum[i] /= halved ? 2 : 1;
            }
            to[pass * step + before] = (int32_t)halfwords(sum[0], sum[2]);
            to[pass * step + before + 2] = (int32_t)halfwords(sum[1], sum[3]);
        }
    }
}

static uint32_t dot(uint32_t x, uint32_t y)
{
    return (uint32_t)(half_at(x, 0) * half_at(y, 0) + half_at(x, 16) * half_at(y, 16));
}

/* Sums of two output channels for the four tiles. */
typedef struct {
    uint32_t of[2][TILES];
} sums;

static sums combined(const sums *a, const sums *b, uint32_t sign)
{
    sums both;
    for (int32_t i = 0; i < 2 * TILES; ++i) {
        both.of[i / TILES][i % TILES] = a->of[i / TILES][i % TILES] + sign * b->of[i / TILES][i % TILES];
    }
    return both;
}

/* A pass; answers the rest of the stream. */
static const int32_t *add_products(const place *at, int32_t row, int32_t column, const int32_t *stream, sums *to)
{
    const uint32_t *x = at->block + TILES * pass_of[row][column];
    for (int32_t pair = 0; pair < at->pairs; ++pair) {
        for (int32_t tile = 0; tile < TILES; ++tile) {
            to->of[0][tile] += dot(x[tile], (uint32_t)stream[0]);
            to->of[1][tile] += dot(x[tile], (uint32_t)stream[1]);
        }
        stream += 2;
        x += STEP * ((pair + 1 - at->first) % PART == 0 ? 2 : 1);
    }
    return stream;
}

static int8_t requantized(uint32_t sum, uint32_t how, const int32_t *constants)
{
    const int32_t value = (int32_t)sum;
    const int exact = (how & EXACT) != 0;
    const int32_t away = exact && value < 0 ? 1 : 0; /* halves are rounded away from zero */
    const int64_t high = ((int64_t)value * constants[0] + ((int64_t)1 << 31)) >> 32;
    const int32_t shifted = ((int32_t)high + constants[1] - away) >> (exact ? constants[2] : 4);
    return (int8_t)tinyml_clamp(shifted, INT8_MIN, INT8_MAX);
}

/* One row and column of the tiles; answers the rest of the stream. */
static const int32_t *write_outputs(const sums *from, uint32_t how, const int32_t *stream, int8_t *output,
                                    int32_t channels, int32_t count)
{
    const int32_t constants = (how & EXACT) != 0 ? 3 : 2;
    for (int32_t tile = 0; tile < count; ++tile) {
        output[2 * tile * channels] = requantized(from->of[0][tile], how, stream);
        output[2 * tile * channels + 1] = requantized(from->of[1][tile], how, stream + constants);
    }
    return stream + 2 * constants;
}

/* The outputs of two channels; see multiply_block. */
static const int32_t *multiply_pair(const tinyml_window *w, const place *at, const int32_t *stream, int8_t *output,
                                    int32_t rows, int32_t columns)
{
    const uint32_t how = (uint32_t)*stream++;
    sums inner[2][2]; /* [row][column] */
    for (int32_t column = 1; column <= 2; ++column) {
        sums upper = {{{0}}};
        sums lower = {{{0}}};
        stream = add_products(at, 0, column, stream, &upper);
        stream = add_products(at, 3, column, stream, &lower);
        inner[0][column - 1] = combined(&upper, &lower, 1);
        inner[1][column - 1] = combined(&upper, &lower, UINT32_MAX);
        for (int32_t tile = 0; column == 1 && tile < TILES; ++tile) {
            inner[0][0].of[0][tile] += (uint32_t)stream[0];
            inner[0][0].of[1][tile] += (uint32_t)stream[1];
        }
        stream += column == 1 ? 2 : 0;
        stream = add_products(at, 1, column, stream, &inner[0][column - 1]);
        stream = add_products(at, 2, column, stream, &inner[1][column - 1]);
    }
    for (int32_t column = 0; column < 2; ++column) {
        const uint32_t sign = column == 0 ? 1 : UINT32_MAX;
        sums first = combined(&inner[0][0], &inner[0][1], sign);
        sums second = combined(&inner[1][0], &inner[1][1], sign);
        stream = add_products(at, 2, 3 * column, stream, &second);
        stream = add_products(at, 1, 3 * column, stream, &first);
        for (int32_t row = 0; row < 2; ++row) {
            sums outer = combined(&first, &second, row == 0 ? 1 : UINT32_MAX);
            stream = add_products(at, 3 * row, 3 * column, stream, &outer);
            stream = write_outputs(&outer, how, stream,
                                   output + (row * w->output_width + column) * w->output_channels,
                                   w->output_channels, row < rows ? (columns + 1 - column) / 2 : 0);
        }
    }
    return stream;
}

static void multiply_block(const tinyml_window *w, const place *at, const int32_t *stream, int32_t pairs,
                           int8_t *output, int32_t rows, int32_t columns)
{
    for (int32_t pair = 0; pair < pairs; ++pair) {
        stream = multiply_pair(w, at, stream, output + 2 * pair, rows, columns);
    }
}

static void prepare(const tinyml_window *w, const place *at)
{
    (void)w;
    (void)at;
}

#endif

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
