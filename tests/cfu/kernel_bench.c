/* Runs one kernel on layers from stdin until it ends, results to stdout; all in native int32.
 * A layer: 'c', 'f' or 'd', the fields of its structure up to the first pointer, then the arrays;
 * 'p' or 'm', the fields and the image; or 'a', the elements of both inputs, the structure with one
 * loop for the table of loops, and the inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"

static void read_exactly(void *target, size_t bytes)
{
    if (bytes && fread(target, bytes, 1, stdin) != 1) {
        fprintf(stderr, "input ends early\n");
        exit(1);
    }
}

/* Reads an array into memory that ends where the kernels' contract lets them read to. */
static void *read_array(size_t bytes)
{
    size_t room = bytes + {{ weight_row_align_bytes }};
    char *array = aligned_alloc(16, (room + 15) / 16 * 16);

    memset(array, 0x55, room);
    read_exactly(array, bytes);
    return array;
}

static void write_output(const int8_t *output, size_t bytes)
{
    fwrite(output, bytes, 1, stdout);
    for (size_t i = 0; i < 16; i++)
        if (output[bytes + i] != 0x33) {
            fprintf(stderr, "written behind the output\n");
            exit(1);
        }
}

static void run_conv2d(int is_fully_connected)
{
    struct conv2d_layer layer;

    read_exactly(&layer, offsetof(struct conv2d_layer, weights));
    size_t channels = (size_t)layer.output_channels;
    size_t size = (size_t)(layer.output_height * layer.output_width) * channels;
    layer.weights = read_array(channels * (size_t)layer.row_bytes);
    layer.bias = read_array(4 * channels);
    layer.multipliers = read_array(4 * channels);
    layer.shifts = read_array(4 * channels);
    int8_t *input = read_array((size_t)(layer.input_height * layer.input_width *
                                        layer.input_channels));
    int8_t *output = aligned_alloc(16, (size + 31) / 16 * 16);
    if (is_fully_connected)
        layer.scratch_bytes = layer.row_bytes;
    int8_t *scratch = aligned_alloc(16, ((size_t)layer.scratch_bytes + 15) / 16 * 16);

    memset(output, 0x33, size + 16);
    if (is_fully_connected) {
        const struct fully_connected_layer fully_connected_layer = {
            .batches = layer.input_width, .input_depth = layer.input_channels,
            .output_depth = layer.output_channels, .input_zero_point = layer.input_zero_point,
            .output_zero_point = layer.output_zero_point, .activation_min = layer.activation_min,
            .activation_max = layer.activation_max, .row_bytes = layer.row_bytes,
            .scratch_bytes = layer.scratch_bytes, .weights = layer.weights, .bias = layer.bias,
            .multipliers = layer.multipliers, .shifts = layer.shifts,
        };
        fully_connected(&fully_connected_layer, input, output, scratch);
    } else {
        conv2d(&layer, input, output, scratch);
    }
    write_output(output, size);
}

static void run_depthwise_conv2d(void)
{
    struct depthwise_conv2d_layer layer;

    read_exactly(&layer, offsetof(struct depthwise_conv2d_layer, scratch_bytes) + 4);
    size_t channels = (size_t)layer.output_channels;
    size_t size = (size_t)(layer.output_height * layer.output_width) * channels;
    layer.weights = read_array((size_t)(layer.kernel_height * layer.kernel_width * layer.row_bytes));
    layer.bias = read_array(4 * channels);
    layer.multipliers = read_array(4 * channels);
    layer.shifts = read_array(4 * channels);
    int8_t *input = read_array((size_t)(layer.input_height * layer.input_width *
                                        layer.input_channels));
    int8_t *output = aligned_alloc(16, (size + 31) / 16 * 16);
    int8_t *scratch = aligned_alloc(16, ((size_t)layer.scratch_bytes + 15) / 16 * 16);

    memset(output, 0x33, size + 16);
    depthwise_conv2d(&layer, input, output, scratch);
    write_output(output, size);
}

static void run_average_pool2d(void)
{
    struct average_pool2d_layer layer;

    read_exactly(&layer, sizeof layer);
    size_t pixel = (size_t)(layer.batches * layer.channels);
    size_t size = (size_t)(layer.output_height * layer.output_width) * pixel;
    int8_t *input = read_array((size_t)(layer.input_height * layer.input_width) * pixel);
    int8_t *output = aligned_alloc(16, (size + 31) / 16 * 16);
    int8_t *scratch = aligned_alloc(16, ((size_t)layer.scratch_bytes + 15) / 16 * 16);

    memset(output, 0x33, size + 16);
    average_pool2d(&layer, input, output, scratch);
    write_output(output, size);
}

static void run_max_pool2d(void)
{
    struct max_pool2d_layer layer;

    read_exactly(&layer, sizeof layer);
    size_t pixel = (size_t)(layer.batches * layer.channels);
    size_t size = (size_t)(layer.output_height * layer.output_width) * pixel;
    int8_t *input = read_array((size_t)(layer.input_height * layer.input_width) * pixel);
    int8_t *output = aligned_alloc(16, (size + 31) / 16 * 16);

    memset(output, 0x33, size + 16);
    max_pool2d(&layer, input, output);
    write_output(output, size);
}

static void run_add(void)
{
    struct add_layer layer;

    int32_t elements[2], loop[3];
    const size_t factors = offsetof(struct add_layer, input1_zero_point);
    const size_t row = offsetof(struct add_layer, row);

    read_exactly(elements, sizeof elements);
    read_exactly((char *)&layer + row, offsetof(struct add_layer, loop_count) - row);
    read_exactly(loop, sizeof loop);
    read_exactly((char *)&layer + factors, sizeof layer - factors);
    layer.loop_count = 1;
    layer.loops = loop;
    layer.size = layer.row * loop[0];
    size_t size = (size_t)layer.size;
    int8_t *input1 = read_array((size_t)elements[0]), *input2 = read_array((size_t)elements[1]);
    int8_t *output = aligned_alloc(16, (size + 31) / 16 * 16);

    memset(output, 0x33, size + 16);
    add(&layer, input1, input2, output);
    write_output(output, size);
}

int main(void)
{
    for (int kind; (kind = getchar()) != EOF;) {
        if (kind == 'a')
            run_add();
        else if (kind == 'd')
            run_depthwise_conv2d();
        else if (kind == 'p')
            run_average_pool2d();
        else if (kind == 'm')
            run_max_pool2d();
        else
            run_conv2d(kind == 'f');
    }
    return 0;
}
