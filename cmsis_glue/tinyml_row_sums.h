/* Sums of each channel over an image whose rows come one band after the other. */
#ifndef TINYML_ROW_SUMS_H
#define TINYML_ROW_SUMS_H

#include "tinyml_math.h"

typedef struct {
    int32_t pixels;   /* of this band */
    int32_t channels;
    int32_t begins;   /* 1 for the first band, which clears the sums */
    int32_t ends;     /* 1 for the last one, after which the output is written */
} tinyml_row_sums;

/* input: int8 [pixels][channels]; sums: int32 [channels], kept from band to band. */
static inline void tinyml_add_rows(const tinyml_row_sums *rows, const int8_t *input, int32_t *sums)
{
    for (int32_t channel = 0; channel < rows->channels; ++channel) {
        const int8_t *at = input + channel;
        int32_t sum = rows->begins ? 0 : sums[channel];
        for (int32_t pixel = 0; pixel < rows->pixels; ++pixel) {
            sum += *at;
            at += rows->channels;
        }
        sums[channel] = sum;
    }
}

#endif
