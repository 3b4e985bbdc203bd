#include "tinyml_cmsis_batch_matmul_s8.h"

static int32_t bytes(const cmsis_nn_dims *dims)
{
    return dims->n * dims->h * dims->w * dims->c;
}

/* Bytes of the sums that CMSIS-NN wants, a multiple of 4; behind them lie the turned sides. */
static int32_t sums(const tinyml_cmsis_batch_matmul_s8_params *params)
{
    const cmsis_nn_dims filter = {params->right.c, 1, 1, params->right.w};
    return arm_fully_connected_s8_get_buffer_size(&filter);
}

/* Writes a side with its last two dimensions exchanged, to the size `dims`. */
static void turn(const int8_t *side, const cmsis_nn_dims *dims, int8_t *turned)
{
    static const uint32_t order[4] = {0, 1, 3, 2};
    const cmsis_nn_transpose_params exchange = {4, order};
    const cmsis_nn_dims given = {dims->n, dims->h, dims->c, dims->w};
    (void)arm_transpose_s8(side, turned, &given, dims, &exchange);
}

void tinyml_cmsis_batch_matmul_s8(const tinyml_cmsis_batch_matmul_s8_params *params, const int8_t *left,
                                  const int8_t *right, int8_t *output, int8_t *scratch)
{
    const cmsis_nn_context context = tinyml_cmsis_context(scratch);
    int8_t *const turned_left = scratch + sums(params);
    int8_t *const turned_right = turned_left + (params->turn_left ? bytes(&params->left) : 0);
    if (params->turn_left) {
        turn(left, &params->left, turned_left);
        left = turned_left;
    }
    if (params->turn_right) {
        turn(right, &params->right, turned_right);
        right = turned_right;
    }
    (void)arm_batch_matmul_s8(&context, &params->layer, &params->to, &params->left, left, &params->right, right,
                              &params->output, output);
}

int32_t tinyml_cmsis_batch_matmul_s8_scratch(const tinyml_cmsis_batch_matmul_s8_params *params)
{
    return sums(params) + (params->turn_left ? bytes(&params->left) : 0) +
           (params->turn_right ? bytes(&params->right) : 0);
}
