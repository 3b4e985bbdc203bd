/*
 * Nodes computed a few rows at a time: in each turn every node of a region, in order, makes the rows that the
 * nodes after it need next (a band). Of a tensor between them only a strip exists, the rows that are still
 * needed; it slides down when the first no longer are, so that kernels see rows as neighbours.
 */
#ifndef TINYML_BAND_H
#define TINYML_BAND_H

#include "tinyml_math.h"

#if defined(__GNUC__)
#define TINYML_REGION __attribute__((noinline)) /* one function for the profiler and the stack's analysis */
#else
#define TINYML_REGION
#endif

/* What a node reads and makes; all heights in rows. After the nodes come the region's inputs, without inputs. */
typedef struct {
    int8_t *place;     /* of the rows it makes */
    int32_t row_bytes; /* of one of them; 0 for a node that gathers: it has one place for what it makes at last */
    int16_t rows;      /* that it makes in all; of a node that gathers, those of its input */
    int16_t strip;     /* 1 for a strip, 0 where every row has its place */
    int16_t stride, reach, before; /* of its windows over the input's rows: `before` is padding */
    int16_t most;      /* rows that it makes in a turn */
    int16_t inputs[2]; /* their numbers; the second is -1 where there is one */
} tinyml_band_node;

/* How far a node is; begin with zeros. */
typedef struct {
    int32_t first; /* the row at the strip's beginning */
    int32_t made;  /* rows so far */
    int32_t goal;  /* rows at the end of this turn */
} tinyml_band_rows;

/* One band of a node. */
typedef struct {
    int8_t *inputs[2]; /* the first rows that it sees */
    int8_t *output;
    int32_t rows;       /* to make */
    int32_t input_rows; /* that it sees */
    int32_t pad_top;    /* rows of padding before them */
    int32_t begins, ends; /* 1 for the node's first band, and its last */
} tinyml_band;

/*
 * Begins a turn: sets the goals of `count` nodes towards the last one's next rows, as far as their inputs are
 * there, and makes room in the strips. With the last one's last rows, what is no strip is made to its end.
 * Answers 0 when there is nothing more to do.
 */
int tinyml_band_turn(const tinyml_band_node *nodes, int32_t count, tinyml_band_rows *rows);

/* The band that a node makes in this turn; 0 when it has nothing to do. */
int tinyml_band_next(const tinyml_band_node *nodes, tinyml_band_rows *rows, int32_t node, tinyml_band *band);

#endif
