#include "tinyml_depthwise_conv_s8.h"

/* The part of a window that lies inside the image, and how to walk over it; elements of int8 arrays. */
typedef struct {
    const int8_t *values, *weights; /* of the first element inside, channel 0 */
    int32_t rows, columns;
    int32_t value_step, weight_step;         /* from column to column */
    int32_t value_row_step, weight_row_step; /* from row to row */
    int32_t zero_point;
} walk;

static walk walk_at(const tinyml_depthwise_conv_s8_params *params, const int8_t *input, int32_t y, int32_t x)
{
    const tinyml_window *w = &params->window;
    const int32_t top = y * w->stride_height - w->pad_top;
    const int32_t left = x * w->stride_width - w->pad_left;
    const int32_t row = tinyml_first_inside(top, w->dilation_height);
    const int32_t column = tinyml_first_inside(left, w->dilation_width);
    const int32_t line = (top + row * w->dilation_height) * w->input_width;
    walk to;
    to.values = input + (line + left + column * w->dilation_width) * w->input_channels;
    to.weights = params->weights + (row * w->window_width + column) * w->output_channels;
    to.rows = tinyml_end_inside(top, w->dilation_height, w->window_height, w->input_height) - row;
    to.columns = tinyml_end_inside(left, w->dilation_width, w->window_width, w->input_width) - column;
    to.value_step = w->dilation_width * w->input_channels;
    to.weight_step = w->output_channels;
    to.value_row_step = w->dilation_height * w->input_width * w->input_channels;
    to.weight_row_step = w->window_width * w->output_channels;
    to.zero_point = w->input_zero_point;
    return to;
}

/* Sum of products of one channel; three columns, the common case, go without a loop over them. */
static inline int32_t products(walk on, const int8_t *values, const int8_t *weights, int32_t sum)
{
    for (int32_t row = 0; row < on.rows; ++row) {
        const int8_t *value = values;
        const int8_t *weight = weights;
        if (on.columns == 3) {
            sum += (value[0] - on.zero_point) * weight[0];
            sum += (value[on.value_step] - on.zero_point) * weight[on.weight_step];
            sum += (value[2 * on.value_step] - on.zero_point) * weight[2 * on.weight_step];
        } else {
            for (int32_t column = 0; column < on.columns; ++column) {
                sum += (*value - on.zero_point) * *weight;
                value += on.value_step;
                weight += on.weight_step;
            }
        }
        values += on.value_row_step;
        weights += on.weight_row_step;
    }
    return sum;
}

/* One image. */
static void convolve(const tinyml_depthwise_conv_s8_params *params, const int8_t *input, int8_t *output)
{
    /* Copies: a byte stored to the output might otherwise change what the parameters point to. */
    const tinyml_channels to = params->to;
    const int32_t height = params->window.output_height;
    const int32_t width = params->window.output_width;
    const int32_t channels = params->window.output_channels;
    const int32_t multiplier = params->channel_multiplier;
    for (int32_t y = 0; y < height; ++y) {
        for (int32_t x = 0; x < width; ++x) {
            const walk on = walk_at(params, input, y, x);
            const int8_t *values = on.values;
            int32_t copies = multiplier; /* output channels left that read this input channel */
            for (int32_t channel = 0; channel < channels; ++channel) {
                const int32_t sum = products(on, values, on.weights + channel, to.bias[channel]);
                output[channel] = tinyml_channel_output(&to, channel, sum);
                if (--copies == 0) {
                    copies = multiplier;
                    ++values;
                }
            }
            output += channels;
        }
    }
}

void tinyml_depthwise_conv_s8(const tinyml_depthwise_conv_s8_params *params, const int8_t *input,
                              int8_t *output)
{
    const tinyml_window *w = &params->window;
    for (int32_t image = 0; image < w->batches; ++image) {
        convolve(params, input + image * tinyml_input_image(w), output + image * tinyml_output_image(w));
    }
}
