#include "tinyml_depthwise_3x3_pairs_s8.h"

#define STRIDE 1
#define EXACT 0
#define BOTH 1
#include "tinyml_depthwise_planar_run.h"

void tinyml_depthwise_3x3_pairs_s8(const tinyml_depthwise_3x3_pairs_s8_params *params, const int8_t *input, int8_t *output,
           int8_t *scratch)
{
    run(params, input, output, scratch);
}
