#include "tinyml_resize_bilinear_s8.h"

#define ONE 1024

/* Two neighbours and their weights, which add up to ONE. */
typedef struct {
    int32_t lower, upper;
    int32_t lower_weight, upper_weight; /* -512 to ONE + 512: before the first pixel both are that one */
} neighbours;

static neighbours find(const tinyml_resize_side *side, int32_t output)
{
    const int32_t place = side->start + output * side->step;
    neighbours found;
    found.lower = tinyml_max(place / ONE, 0);
    found.upper = tinyml_min((place + ONE - 1) / ONE, side->input - 1);
    found.upper_weight = place - found.lower * ONE;
    found.lower_weight = ONE - found.upper_weight;
    return found;
}

/* x / 2^20 to nearest, halves away from zero. */
static int8_t rounded(int32_t x)
{
    const int32_t half = x > 0 ? ONE * ONE / 2 : -(ONE * ONE / 2);
    return (int8_t)((x + half) / (ONE * ONE));
}

static int8_t *resize_pixel(const int8_t *image, neighbours y, neighbours x, int32_t width, int32_t channels,
                            int8_t *output)
{
    const int8_t *upper_left = image + (y.lower * width + x.lower) * channels;
    const int8_t *upper_right = image + (y.lower * width + x.upper) * channels;
    const int8_t *lower_left = image + (y.upper * width + x.lower) * channels;
    const int8_t *lower_right = image + (y.upper * width + x.upper) * channels;
    for (int32_t channel = 0; channel < channels; ++channel) {
        const int32_t above = upper_left[channel] * x.lower_weight + upper_right[channel] * x.upper_weight;
        const int32_t below = lower_left[channel] * x.lower_weight + lower_right[channel] * x.upper_weight;
        *output++ = rounded(above * y.lower_weight + below * y.upper_weight);
    }
    return output;
}

void tinyml_resize_bilinear_s8(const tinyml_resize_bilinear_s8_params *params, const int8_t *input,
                               int8_t *output)
{
    const int32_t channels = params->channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t row = 0; row < params->rows.output; ++row) {
            const neighbours y = find(&params->rows, row);
            for (int32_t column = 0; column < params->columns.output; ++column) {
                const neighbours x = find(&params->columns, column);
                output = resize_pixel(input, y, x, params->columns.input, channels, output);
            }
        }
        input += params->rows.input * params->columns.input * channels;
    }
}
