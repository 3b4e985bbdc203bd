/* MEAN over height and width, int8, of an image whose rows come one band after the other. */
#ifndef TINYML_MEAN_ROWS_S8_H
#define TINYML_MEAN_ROWS_S8_H

#include "tinyml_row_sums.h"

typedef struct {
    tinyml_row_sums rows;
    int32_t offset;     /* -input zero point * pixels of the image, of which there are fewer than 2^23 */
    int32_t multiplier; /* 0 to 2^31 - 1; 1 / pixels is part of it */
    int32_t shift;      /* -31 to 30 */
    int32_t output_zero_point;
} tinyml_mean_rows_s8_params;

/*
 * input: int8 [pixels][channels], the band; output: int8 [channels], written with the last band;
 * scratch: int32 [channels], kept from band to band.
 */
void tinyml_mean_rows_s8(const tinyml_mean_rows_s8_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch);

#endif
