/* Compares two ways to requantise for every value that the layers of a network can bring to them.
 * Each line of the input is a range; the program ends with 1 at the first difference. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 4096, MOST_EXPONENTIALS = 256, SUM_INTEGER_BITS = 12, ADD_SIDE = 256 };

#define WAY(way) \
    void way##_outputs(int32_t, int32_t, int32_t, int64_t, int32_t, const int32_t *, int8_t *); \
    void way##_limits(int32_t, const int32_t *, int8_t *); \
    int32_t way##_part(int32_t); \
    void way##_softmax(int32_t, int32_t, const int32_t *, int8_t *); \
    void way##_sums(const int32_t *, int8_t *);
WAY(right)
WAY(changed)

static int8_t right[ADD_SIDE * ADD_SIDE], changed[ADD_SIDE * ADD_SIDE];

static int differ(size_t count)
{
    return memcmp(right, changed, count) != 0;
}

/* Sums from `least` to `most` of one channel. */
static int channel_differs(int32_t once, int64_t least, int64_t most, int32_t multiplier,
                           int32_t shift, const int32_t *output)
{
    for (int64_t sum = least; sum <= most; sum += AT_ONCE) {
        int32_t count = most - sum < AT_ONCE - 1 ? (int32_t)(most - sum + 1) : AT_ONCE;

        right_outputs(once, multiplier, shift, sum, count, output, right);
        changed_outputs(once, multiplier, shift, sum, count, output, changed);
        if (differ((size_t)count))
            return 1;
    }
    return 0;
}

/* Rows of up to `depth` elements, whatever they are, of a SOFTMAX with these exponentials. */
static int softmax_differs(int32_t depth, int32_t count, const int32_t *exponentials)
{
    int32_t largest = right_part(exponentials[0]);

    for (int32_t i = 0; i < count; i++)
        if (right_part(exponentials[i]) != changed_part(exponentials[i]))
            return 1;
    for (int64_t sum = largest; sum <= (int64_t)depth * largest; sum++) {
        right_softmax((int32_t)sum, count, exponentials, right);
        changed_softmax((int32_t)sum, count, exponentials, changed);
        if (differ((size_t)count))
            return 1;
    }
    return 0;
}

int main(void)
{
    char kind;

    while (scanf(" %c", &kind) == 1) {
        int32_t numbers[13], output[3], once, multiplier, shift;
        long long least, most;
        int is_other = 0;

        switch (kind) {
        case 'c': /* a channel */
            if (scanf("%d %lld %lld %d %d %d %d %d", &once, &least, &most, &multiplier, &shift,
                      output, output + 1, output + 2) != 8)
                return 2;
            is_other = channel_differs(once, least, most, multiplier, shift, output);
            break;
        case 'l': /* limits of int8 values */
            if (scanf("%d %d", output, output + 1) != 2)
                return 2;
            right_limits(ADD_SIDE, output, right);
            changed_limits(ADD_SIDE, output, changed);
            is_other = differ(ADD_SIDE);
            break;
        case 'a': /* the numbers of an ADD */
            for (int i = 0; i < 12; i++)
                if (scanf("%d", numbers + i) != 1)
                    return 2;
            right_sums(numbers, right);
            changed_sums(numbers, changed);
            is_other = differ(sizeof right);
            break;
        case 's': { /* a SOFTMAX */
            int32_t depth, count, exponentials[MOST_EXPONENTIALS];

            if (scanf("%d %d", &depth, &count) != 2 || count < 1 || count > MOST_EXPONENTIALS)
                return 2;
            for (int32_t i = 0; i < count; i++)
                if (scanf("%d", exponentials + i) != 1)
                    return 2;
            is_other = softmax_differs(depth, count, exponentials);
            break;
        }
        default:
            return 2;
        }
        if (is_other)
            return 1;
    }
    return 0;
}
