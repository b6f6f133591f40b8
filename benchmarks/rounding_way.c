/* One way to requantise, for rounding_proof.c: what the kernels of layers do with a sum. */
#include <stdint.h>

#include "fixed_point.h"
#include "requantise.h"

#define JOINED(a, b) a##_##b
#define NAMED(a, b) JOINED(a, b)
#define NAME(function) NAMED(WAY, function)

/* Outputs of sums that follow each other; output is zero point, least and greatest output. */
void NAME(outputs)(int32_t once, int32_t multiplier, int32_t shift, int64_t sum, int32_t count,
                   const int32_t *output, int8_t *outputs)
{
    for (int32_t i = 0; i < count; i++, sum++) {
        int32_t value = once ? requantise_once((int32_t)sum, multiplier, shift)
                             : requantise((int32_t)sum, multiplier, shift);

        outputs[i] = (int8_t)clamp(value + output[0], output[1], output[2]);
    }
}

void NAME(limits)(int32_t count, const int32_t *limits, int8_t *outputs)
{
    for (int32_t i = 0; i < count; i++)
        outputs[i] = (int8_t)clamp(i + INT8_MIN, limits[0], limits[1]);
}

/* What an exponential is in the sum of SOFTMAX. */
int32_t NAME(part)(int32_t exponential)
{
    return divide_by_power_of_two(exponential, 12);
}

/* As softmax.c has it, of elements with these exponentials in a row with this sum. */
void NAME(softmax)(int32_t sum, int32_t count, const int32_t *exponentials, int8_t *outputs)
{
    int32_t headroom = leading_zeros((uint32_t)sum);
    int32_t fraction = (int32_t)(((uint32_t)sum << headroom) - (UINT32_C(1) << 31));
    int32_t scale = reciprocal_of_one_plus(fraction);
    int32_t shift = 12 - headroom + 31 - 8;

    for (int32_t i = 0; i < count; i++) {
        int32_t value = 0;

        if (shift <= 31)
            value = divide_by_power_of_two(doubling_high_multiply(scale, exponentials[i]), shift);
        outputs[i] = (int8_t)clamp(value + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

/* As sum.inc has it, of all pairs of int8 values; n is left shift, then zero point, multiplier and
 * shift of both inputs and of the output, then the limits. */
void NAME(sums)(const int32_t *n, int8_t *outputs)
{
    int32_t table1[256], table2[256];

    for (int32_t i = 0; i < 256; i++) {
        table1[i] = requantise((i + INT8_MIN - n[1]) * (1 << n[0]), n[2], n[3]);
        table2[i] = requantise((i + INT8_MIN - n[4]) * (1 << n[0]), n[5], n[6]);
    }
    for (int32_t i = 0; i < 256; i++)
        for (int32_t j = 0; j < 256; j++) {
            int32_t value = requantise(table1[i] + table2[j], n[8], n[9]);

            *outputs++ = (int8_t)clamp(value + n[7], n[10], n[11]);
        }
}
