/* How the Winograd kernel lays out its scratch memory. */
#ifndef TINYML_WINOGRAD_PLACE_H
#define TINYML_WINOGRAD_PLACE_H

#include "tinyml_dsp.h"
#include "tinyml_winograd_s8.h"

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

#endif
