#ifndef TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_POOLING_H_
#define TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_POOLING_H_

#include <limits>

#include "cfu.h"
#include "playground_util/murmurhash.h"
#include "tensorflow/lite/kernels/internal/common.h"

namespace tflite {
namespace reference_integer_ops {

// An object that is made before main.
static const struct Least {
  int32_t value;
  Least() : value(cfu_op3(0, -128, -1000)) {}
} least;

struct Region { int y_begin, y_end, x_begin, x_end; };

inline Region Below(const PoolParams& params, const RuntimeShape& shape, int out_y, int out_x) {
  const int y = out_y * params.stride_height - params.padding_values.height;
  const int x = out_x * params.stride_width - params.padding_values.width;
  return {std::max(0, y), std::min<int>(y + params.filter_height, shape.Dims(1)),
          std::max(0, x), std::min<int>(x + params.filter_width, shape.Dims(2))};
}

inline bool AveragePool(const PoolParams& params, const RuntimeShape& input_shape,
                        const int8_t* input_data, const RuntimeShape& output_shape,
                        int8_t* output_data) {
  const int batches = MatchingDim(input_shape, 0, output_shape, 0);
  const int depth = MatchingDim(input_shape, 3, output_shape, 3);
  cfu_op2(0, 0, 0);
  for (int batch = 0; batch < batches; ++batch)
    for (int channel = 0; channel < depth; ++channel)
      for (int out_y = 0; out_y < output_shape.Dims(1); ++out_y)
        for (int out_x = 0; out_x < output_shape.Dims(2); ++out_x) {
          const Region r = Below(params, input_shape, out_y, out_x);
          const int count = (r.y_end - r.y_begin) * (r.x_end - r.x_begin);
          if (count == 0) return false;
          int32_t acc = 0;
          cfu_op0(0, 0, 0);
          for (int y = r.y_begin; y < r.y_end; ++y)
            for (int x = r.x_begin; x < r.x_end; ++x)
              acc = cfu_op1(0, (uint8_t)input_data[Offset(input_shape, batch, y, x, channel)], 1);
          acc = acc > 0 ? (acc + count / 2) / count : (acc - count / 2) / count;
          acc = std::max(acc, params.quantized_activation_min);
          acc = std::min(acc, params.quantized_activation_max);
          output_data[Offset(output_shape, batch, out_y, out_x, channel)] = static_cast<int8_t>(acc);
        }
  return true;
}

inline void MaxPool(const PoolParams& params, const RuntimeShape& input_shape,
                    const int8_t* input_data, const RuntimeShape& output_shape,
                    int8_t* output_data) {
  const int batches = MatchingDim(input_shape, 0, output_shape, 0);
  const int depth = MatchingDim(input_shape, 3, output_shape, 3);
  for (int batch = 0; batch < batches; ++batch)
    for (int out_y = 0; out_y < output_shape.Dims(1); ++out_y)
      for (int out_x = 0; out_x < output_shape.Dims(2); ++out_x)
        for (int channel = 0; channel < depth; ++channel) {
          const Region r = Below(params, input_shape, out_y, out_x);
          int32_t max = least.value;
          for (int y = r.y_begin; y < r.y_end; ++y)
            for (int x = r.x_begin; x < r.x_end; ++x)
              max = cfu_op(3, 0, max, input_data[Offset(input_shape, batch, y, x, channel)]);
          max = std::max<int32_t>(max, params.quantized_activation_min);
          max = std::min<int32_t>(max, params.quantized_activation_max);
          output_data[Offset(output_shape, batch, out_y, out_x, channel)] = static_cast<int8_t>(max);
        }
  const uint32_t hash = murmurhash3_32(reinterpret_cast<const uint8_t*>(output_data), output_shape.FlatSize());
  (void)hash;
}

}  // namespace reference_integer_ops
}  // namespace tflite

#endif
