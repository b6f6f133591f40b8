// What the kernels share: four int8 at a time in the CFU, what is left by itself.
#ifndef DOT_H
#define DOT_H
#include <cstdint>
#include "cfu.h"

inline void cfu_start(int32_t input_offset)
{
    cfu_op2(0, input_offset, 0);
    cfu_op0(0, 0, 0);
}

inline int32_t cfu_dot(const int8_t* a, const int8_t* b, int n)
{
    int32_t acc = 0;
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32_t x = 0, y = 0;
        for (int lane = 0; lane < 4; lane++) {
            x |= (uint32_t)(uint8_t)a[i + lane] << (8 * lane);
            y |= (uint32_t)(uint8_t)b[i + lane] << (8 * lane);
        }
        acc = cfu_op1(0, x, y);
    }
    if (i < n) {
        uint32_t x = 0, y = 0;
        for (int lane = 0; i + lane < n; lane++) {
            x |= (uint32_t)(uint8_t)a[i + lane] << (8 * lane);
            y |= (uint32_t)(uint8_t)b[i + lane] << (8 * lane);
        }
        acc = cfu_op1(0, x, y);
    }
    return acc;
}
#endif
