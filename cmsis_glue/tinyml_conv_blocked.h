/* CONV_2D, int8, per channel, for cores without DSP instructions: blocks of four pixels by two channels. */
#ifndef TINYML_CONV_BLOCKED_H
#define TINYML_CONV_BLOCKED_H

#include "tinyml_window.h"

/*
 * The stream of constants is read from front to back. For each pair of channels it holds
 *
 *     the sums' start: bias with the input's zero point folded in, and what requantization adds to it
 *     weights, int8: tap by tap that of the first channel, then the second's; zeros beyond the last tap, and for
 *         the second of an odd last channel
 *     the constants of requantization, as in tinyml_packed.h; a proven channel's shift is 3
 *
 * The taps of a window are its elements row by row, channel by channel.
 */
typedef struct {
    tinyml_window window;
    int32_t run_pixels; /* neighbours in a window's row: window_width, or 1 where the window is dilated */
    int32_t taps;       /* of a window, all channels; rounded up to a multiple of 8 */
    const int32_t *stream;
} tinyml_conv_blocked;

#endif
