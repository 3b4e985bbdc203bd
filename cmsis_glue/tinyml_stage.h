/*
 * Windows of a convolution, staged four at a time as halfwords for packed kernels: for every four taps the
 * eight words
 *
 *     taps 0 and 2 of windows 0, 1, 2, 3; taps 1 and 3 of windows 0, 1, 2, 3
 *
 * which is what SXTB16 makes of words of four bytes. Taps come in runs, pixels that are neighbours in memory:
 * run after run from left to right, in each from top to bottom, pixel by pixel, channel by channel.
 */
#ifndef TINYML_STAGE_H
#define TINYML_STAGE_H

#include "tinyml_window.h"

#define TINYML_STAGED 4 /* windows at a time */

/*
 * gathers is 0 where the pixels of a run, run_pixels * input_channels bytes, are a multiple of four: these may be
 * read where they lie. Otherwise a window is copied together first, so that only its end needs padding; that is
 * faster for short runs, too.
 */
typedef struct {
    tinyml_window window;
    int32_t run_pixels; /* neighbours in a window's row: window_width, or 1 where the window is dilated */
    int32_t taps;       /* of a window, all channels; rounded up to a multiple of 4 */
    int32_t gathers;    /* 0 or 1 */
    int32_t flat;       /* 1 where windows are single pixels in their order, and not gathered; else 0 */
} tinyml_stage;

/*
 * Stages the windows of output pixels `first` to `first` + 3, row by row; past the last it is repeated.
 * staged: 2 * taps words;
 * spare: for runs that reach beyond the image, 4 * run_pixels * input_channels bytes, where there are any; with
 * `gathers` 4 * taps bytes.
 */
void tinyml_stage_windows(const tinyml_stage *stage, const int8_t *input, int32_t first, uint32_t *staged,
                          int8_t *spare);

#endif
