#ifndef TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_FULLY_CONNECTED_H_
#define TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_FULLY_CONNECTED_H_

#include "dot.h"
#include "tensorflow/lite/kernels/internal/common.h"

namespace tflite {
namespace reference_integer_ops {

inline int32_t Dot(const FullyConnectedParams& params, const int8_t* input, const int8_t* row, int n) {
  cfu_start(params.input_offset);
  return cfu_dot(input, row, n);
}

inline void FullyConnectedPerChannel(
    const FullyConnectedParams& params, const int32_t* output_multiplier,
    const int* output_shift, const RuntimeShape& input_shape,
    const int8_t* input_data, const RuntimeShape& filter_shape,
    const int8_t* filter_data, const RuntimeShape& bias_shape,
    const int32_t* bias_data, const RuntimeShape& output_shape,
    int8_t* output_data) {
  const int output_dim_count = output_shape.DimensionsCount();
  const int batches = FlatSizeSkipDim(output_shape, output_dim_count - 1);
  const int output_depth = output_shape.Dims(output_dim_count - 1);
  const int accum_depth = filter_shape.Dims(filter_shape.DimensionsCount() - 1);
  for (int out_c = 0; out_c < output_depth; ++out_c)
    for (int b = 0; b < batches; ++b) {
      int32_t acc = Dot(params, input_data + b * accum_depth, filter_data + out_c * accum_depth, accum_depth);
      if (bias_data) acc += bias_data[out_c];
      int32_t acc_scaled = MultiplyByQuantizedMultiplier(acc, output_multiplier[out_c], output_shift[out_c]);
      acc_scaled += params.output_offset;
      acc_scaled = std::max(acc_scaled, params.quantized_activation_min);
      acc_scaled = std::min(acc_scaled, params.quantized_activation_max);
      output_data[out_c + output_depth * b] = static_cast<int8_t>(acc_scaled);
    }
}

template <typename InputType, typename WeightType, typename OutputType, typename BiasType>
void FullyConnected(const FullyConnectedParams& params,
                    const RuntimeShape& input_shape,
                    const InputType* input_data,
                    const RuntimeShape& filter_shape,
                    const WeightType* filter_data,
                    const RuntimeShape& bias_shape, const BiasType* bias_data,
                    const RuntimeShape& output_shape, OutputType* output_data) {
  TFLITE_DCHECK_GE(filter_shape.DimensionsCount(), 2);
  const int batches = output_shape.Dims(0);
  const int output_depth = output_shape.Dims(1);
  const int accum_depth = filter_shape.Dims(1);
  for (int b = 0; b < batches; ++b)
    for (int out_c = 0; out_c < output_depth; ++out_c) {
      BiasType acc = Dot(params, input_data + b * accum_depth, filter_data + out_c * accum_depth, accum_depth);
      if (bias_data) acc += bias_data[out_c];
      int32_t acc_scaled = MultiplyByQuantizedMultiplier(acc, params.output_multiplier, params.output_shift);
      acc_scaled += params.output_offset;
      acc_scaled = ActivationFunctionWithMinMax(acc_scaled, params.quantized_activation_min, params.quantized_activation_max);
      output_data[out_c + output_depth * b] = static_cast<OutputType>(acc_scaled);
    }
}

}  // namespace reference_integer_ops
}  // namespace tflite

#endif
