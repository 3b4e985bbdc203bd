/* Arrays of integers whose type is known at run time, for conversions at the edges of a model. */
#ifndef TINYML_INTEGERS_H
#define TINYML_INTEGERS_H

#include <stdint.h>

/* A type is its bits, negative when it is signed: 8, -8, -16 or -32. */
static inline int32_t tinyml_load_integer(const void *values, int32_t type, int32_t i)
{
    switch (type) {
    case 8:
        return ((const uint8_t *)values)[i];
    case -8:
        return ((const int8_t *)values)[i];
    case -16:
        return ((const int16_t *)values)[i];
    default:
        return ((const int32_t *)values)[i];
    }
}

/* Bits beyond the type are dropped. */
static inline void tinyml_store_integer(void *values, int32_t type, int32_t i, int32_t value)
{
    switch (type) {
    case 8:
        ((uint8_t *)values)[i] = (uint8_t)value;
        break;
    case -8:
        ((int8_t *)values)[i] = (int8_t)value;
        break;
    case -16:
        ((int16_t *)values)[i] = (int16_t)value;
        break;
    default:
        ((int32_t *)values)[i] = value;
        break;
    }
}

#endif
