#include "tinyml_conv_blocked_s8.h"

#define BLOCKED_FLIP 0x00
#include "tinyml_blocked_run.h"

void tinyml_conv_blocked_s8(const tinyml_conv_blocked_s8_params *params, const int8_t *input, int8_t *output,
                            int8_t *scratch)
{
    run(params, input, output, scratch);
}
