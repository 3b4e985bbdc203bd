#include "tinyml_fully_connected_blocked_s8.h"

#include "tinyml_blocked.h"

#define CHANNELS 4

/* Sums of two pairs of channels, a and b, c and d. */
typedef struct {
    int32_t a, b, c, d;
} sums;

/* What one input adds; the weights of the second pair are four bytes after those of the first. */
static inline void add(sums *s, int32_t x, const int8_t *weights)
{
    s->a += x * weights[0];
    s->b += x * weights[1];
    s->c += x * weights[4];
    s->d += x * weights[5];
}

/* Four channels of a row. */
static inline sums add_row(sums s, const int8_t *input, int32_t length, const int8_t *weights)
{
    const int8_t *const fours = input + (length & ~3);
    const int8_t *const end = input + length;
    while (input != fours) {
        add(&s, input[0], weights);
        add(&s, input[1], weights + 2);
        add(&s, input[2], weights + 8);
        add(&s, input[3], weights + 10);
        input += 4;
        weights += 16;
    }
    for (int32_t i = 0; input != end; ++i) {
        add(&s, *input++, weights + (i >> 1) * 8 + (i & 1) * 2);
    }
    return s;
}

static void run_row(const tinyml_fully_connected_blocked_s8_params *p, const int8_t *input, int8_t *output)
{
    const int32_t *stream = p->stream;
    for (int32_t channel = 0; channel < p->output_channels; channel += CHANNELS) {
        const sums start = {stream[0], stream[1], stream[2], stream[3]};
        const sums s = add_row(start, input, p->input_channels, (const int8_t *)(stream + CHANNELS));
        stream += CHANNELS + ((p->input_channels + 3) & ~3);
        int8_t four[CHANNELS];
        stream = tinyml_blocked_pair(s.a, s.b, stream, four);
        stream = tinyml_blocked_pair(s.c, s.d, stream, four + 2);
        for (int32_t i = 0; i < CHANNELS && channel + i < p->output_channels; ++i) {
            output[channel + i] = four[i];
        }
    }
}

void tinyml_fully_connected_blocked_s8(const tinyml_fully_connected_blocked_s8_params *params, const int8_t *input,
                                       int8_t *output)
{
    const tinyml_fully_connected_blocked_s8_params p = *params;
    for (int32_t row = 0; row < p.rows; ++row) {
        run_row(&p, input, output);
        input += p.input_channels;
        output += p.output_channels;
    }
}
