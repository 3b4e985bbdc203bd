/*
 * The Winograd kernel's loops in C, for hosts and cores without the DSP extension; only for the file of the
 * kernel. tinyml_winograd_dsp.h has the same functions in assembly.
 */
#ifndef TINYML_WINOGRAD_PLAIN_H
#define TINYML_WINOGRAD_PLAIN_H

#include "tinyml_winograd_place.h"

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

/* G along both dimensions, doubled, for four input channels of one output channel; `step` words a pass. */
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
