/* AVERAGE_POOL_2D, int8, of a window that is the whole image, whose rows come one band after the other. */
#ifndef TINYML_AVERAGE_ROWS_S8_H
#define TINYML_AVERAGE_ROWS_S8_H

#include "tinyml_row_sums.h"

typedef struct {
    tinyml_row_sums rows;
    int32_t count; /* pixels of the image, fewer than 2^15 */
    int32_t activation_min, activation_max;
} tinyml_average_rows_s8_params;

/*
 * input: int8 [pixels][channels], the band; output: int8 [channels], written with the last band;
 * scratch: int32 [channels], kept from band to band.
 */
void tinyml_average_rows_s8(const tinyml_average_rows_s8_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch);

#endif
