/*
 * What the kernels that call CMSIS-NN share. Their parameters hold CMSIS-NN's own structs, filled at export
 * within the ranges that arm_nnfunctions.h states, so that no call can fail and no status is looked at.
 * A kernel that takes scratch has a function beside it, *_scratch: how many bytes CMSIS-NN wants. Export
 * compiles it for the target and asks.
 */
#ifndef TINYML_CMSIS_H
#define TINYML_CMSIS_H

#include <arm_nnfunctions.h>

/* A requantization for each output channel. */
typedef struct {
    const int32_t *multipliers, *shifts;
} tinyml_cmsis_channels;

/* CMSIS-NN's structs have no const, but it only reads these. */
static inline cmsis_nn_per_channel_quant_params tinyml_cmsis_quant(const tinyml_cmsis_channels *channels)
{
    const cmsis_nn_per_channel_quant_params quant = {(int32_t *)channels->multipliers,
                                                     (int32_t *)channels->shifts};
    return quant;
}

/* Scratch; its size is never looked at. */
static inline cmsis_nn_context tinyml_cmsis_context(int8_t *scratch)
{
    const cmsis_nn_context context = {scratch, 0};
    return context;
}

#endif
