#ifndef TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_CONV_H_
#define TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_CONV_H_

#include <algorithm>
#include <cstdio>

#include "cfu.h"
#include "dot.h"
#include "models/my_cycles.h"
#include "perf.h"
#include "playground_util/print_params.h"
#include "tensorflow/lite/kernels/internal/common.h"
#include "tensorflow/lite/kernels/internal/portable_tensor_utils.h"

extern long long unsigned my_cycles;

namespace tflite {
namespace reference_integer_ops {

// A patch at a time in a buffer; the CFU adds the input's offset and keeps the accumulator.
inline void ConvPerChannel(
    const ConvParams& params, const int32_t* output_multiplier,
    const int32_t* output_shift, const RuntimeShape& input_shape,
    const int8_t* input_data, const RuntimeShape& filter_shape,
    const int8_t* filter_data, const RuntimeShape& bias_shape,
    const int32_t* bias_data, const RuntimeShape& output_shape,
    int8_t* output_data) {
#ifdef SHOW_CONV_PERF
  print_conv_params(params, input_shape, filter_shape, output_shape);
#endif
  unsigned my_start = perf_get_mcycle();
  perf_enable_counter(0);
  const int32_t input_offset = params.input_offset;
  const int stride_width = params.stride_width;
  const int stride_height = params.stride_height;
  const int dilation_width_factor = params.dilation_width_factor;
  const int dilation_height_factor = params.dilation_height_factor;
  const int pad_width = params.padding_values.width;
  const int pad_height = params.padding_values.height;
  const int32_t output_activation_min = params.quantized_activation_min;
  const int32_t output_activation_max = params.quantized_activation_max;
  TFLITE_DCHECK_LE(output_activation_min, output_activation_max);
  TFLITE_DCHECK_EQ(input_shape.DimensionsCount(), 4);
  const int batches = MatchingDim(input_shape, 0, output_shape, 0);
  const int input_depth = MatchingDim(input_shape, 3, filter_shape, 3);
  const int output_depth = MatchingDim(filter_shape, 0, output_shape, 3);
  if (bias_data) {
    TFLITE_DCHECK_EQ(bias_shape.FlatSize(), output_depth);
  }
  const int input_height = input_shape.Dims(1);
  const int input_width = input_shape.Dims(2);
  const int filter_height = filter_shape.Dims(1);
  const int filter_width = filter_shape.Dims(2);
  const int output_height = output_shape.Dims(1);
  const int output_width = output_shape.Dims(2);
  const int patch_size = filter_height * filter_width * input_depth;
  static int8_t im2col[16384];

  for (int batch = 0; batch < batches; ++batch) {
    for (int out_y = 0; out_y < output_height; ++out_y) {
      for (int out_x = 0; out_x < output_width; ++out_x) {
        int8_t* patch = im2col;
        for (int filter_y = 0; filter_y < filter_height; ++filter_y) {
          const int in_y = out_y * stride_height - pad_height + dilation_height_factor * filter_y;
          for (int filter_x = 0; filter_x < filter_width; ++filter_x) {
            const int in_x = out_x * stride_width - pad_width + dilation_width_factor * filter_x;
            const bool is_inside = in_x >= 0 && in_x < input_width && in_y >= 0 && in_y < input_height;
            if (is_inside)
              std::copy_n(&input_data[Offset(input_shape, batch, in_y, in_x, 0)], input_depth, patch);
            else
              std::fill(patch, patch + input_depth, static_cast<int8_t>(-input_offset));
            patch += input_depth;
          }
        }
        for (int out_channel = 0; out_channel < output_depth; ++out_channel) {
          cfu_start(input_offset);
          int32_t acc = cfu_dot(im2col, filter_data + out_channel * patch_size, patch_size);
          if (bias_data) {
            acc += bias_data[out_channel];
          }
          acc = MultiplyByQuantizedMultiplier(
              acc, output_multiplier[out_channel], output_shift[out_channel]);
          acc += params.output_offset;
          acc = std::max(acc, output_activation_min);
          acc = std::min(acc, output_activation_max);
          output_data[Offset(output_shape, batch, out_y, out_x, out_channel)] =
              static_cast<int8_t>(acc);
        }
      }
    }
  }
  perf_disable_counter(0);
  my_cycles += perf_get_mcycle() - my_start;
  printf("conv: %d outputs\n", output_shape.FlatSize());
}

inline void ConvPerChannelWithPackedInt4Weights(
    const ConvParams& params, const int32_t* output_multiplier,
    const int32_t* output_shift, const RuntimeShape& input_shape,
    const int8_t* input_data, const RuntimeShape& filter_shape,
    const int8_t* filter_input, int8_t* unpacked_filter_data,
    const RuntimeShape& bias_shape, const int32_t* bias_data,
    const RuntimeShape& output_shape, int8_t* output_data) {
  TFLITE_DCHECK(unpacked_filter_data != nullptr);
  tensor_utils::UnpackDenseInt4IntoInt8(filter_input, filter_shape.FlatSize(),
                                        unpacked_filter_data);
  ConvPerChannel(params, output_multiplier, output_shift, input_shape, input_data, filter_shape,
                 unpacked_filter_data, bias_shape, bias_data, output_shape, output_data);
}

template <typename AccumScalar>
inline void ConvPerChannel(
    const ConvParams& params, const int32_t* output_multiplier,
    const int32_t* output_shift, const RuntimeShape& input_shape,
    const int16_t* input_data, const RuntimeShape& filter_shape,
    const int8_t* filter_data, const RuntimeShape& bias_shape,
    const AccumScalar* bias_data, const RuntimeShape& output_shape,
    int16_t* output_data) {
  AccumScalar acc = bias_data[0];
  output_data[0] = MultiplyByQuantizedMultiplier(acc, output_multiplier[0], output_shift[0]);
}

}  // namespace reference_integer_ops
}  // namespace tflite

#endif
