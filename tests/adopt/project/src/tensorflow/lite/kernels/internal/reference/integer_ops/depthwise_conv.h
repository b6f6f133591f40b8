#ifndef TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_DEPTHWISE_CONV_H_
#define TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_DEPTHWISE_CONV_H_

#include "cfu.h"
#include "perf.h"
#include "tensorflow/lite/kernels/internal/common.h"

namespace tflite {
namespace reference_integer_ops {

// Channels outside, taps gathered into words for the CFU: another order of the loops.
inline void DepthwiseConvPerChannel(
    const DepthwiseParams& params, const int32_t* output_multiplier,
    const int32_t* output_shift, const RuntimeShape& input_shape,
    const int8_t* input_data, const RuntimeShape& filter_shape,
    const int8_t* filter_data, const RuntimeShape& bias_shape,
    const int32_t* bias_data, const RuntimeShape& output_shape,
    int8_t* output_data) {
  const int depth_multiplier = params.depth_multiplier;
  const int32_t input_offset = params.input_offset;
  TFLITE_DCHECK_EQ(filter_shape.DimensionsCount(), 4);
  const int batches = MatchingDim(input_shape, 0, output_shape, 0);
  const int output_depth = MatchingDim(filter_shape, 3, output_shape, 3);
  const int input_depth = input_shape.Dims(3);
  TFLITE_DCHECK_EQ(output_depth, input_depth * depth_multiplier);
  cfu_op2_hw(0, input_offset, 0);
  for (int batch = 0; batch < batches; ++batch)
    for (int in_channel = 0; in_channel < input_depth; ++in_channel)
      for (int m = 0; m < depth_multiplier; ++m) {
        const int output_channel = m + in_channel * depth_multiplier;
        for (int out_y = 0; out_y < output_shape.Dims(1); ++out_y)
          for (int out_x = 0; out_x < output_shape.Dims(2); ++out_x) {
            const int in_x_origin = (out_x * params.stride_width) - params.padding_values.width;
            const int in_y_origin = (out_y * params.stride_height) - params.padding_values.height;
            int32_t acc = 0;
            uint32_t a = 0, b = 0;
            int lane = 0;
            cfu_op0_hw(0, 0, 0);
            for (int filter_y = 0; filter_y < filter_shape.Dims(1); ++filter_y)
              for (int filter_x = 0; filter_x < filter_shape.Dims(2); ++filter_x) {
                const int in_x = in_x_origin + params.dilation_width_factor * filter_x;
                const int in_y = in_y_origin + params.dilation_height_factor * filter_y;
                if (in_x < 0 || in_x >= input_shape.Dims(2) || in_y < 0 || in_y >= input_shape.Dims(1))
                  continue;
                a |= (uint32_t)(uint8_t)input_data[Offset(input_shape, batch, in_y, in_x, in_channel)] << (8 * lane);
                b |= (uint32_t)(uint8_t)filter_data[Offset(filter_shape, 0, filter_y, filter_x, output_channel)] << (8 * lane);
                if (++lane == 4) {
                  acc = cfu_op1_hw(0, a, b);
                  a = b = lane = 0;
                }
              }
            if (lane)
              acc = cfu_op1_hw(0, a, b);
            if (bias_data) acc += bias_data[output_channel];
            acc = MultiplyByQuantizedMultiplier(acc, output_multiplier[output_channel],
                                                output_shift[output_channel]);
            acc += params.output_offset;
            acc = std::max(acc, params.quantized_activation_min);
            acc = std::min(acc, params.quantized_activation_max);
            output_data[Offset(output_shape, batch, out_y, out_x, output_channel)] =
                static_cast<int8_t>(acc);
          }
      }
}

}  // namespace reference_integer_ops
}  // namespace tflite

#endif
