#ifndef TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_ADD_H_
#define TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_INTEGER_OPS_ADD_H_

#include <algorithm>
#include <limits>

#include "cfu.h"
#include "tensorflow/lite/kernels/internal/common.h"
#include "tensorflow/lite/kernels/internal/types.h"

namespace tflite {
namespace reference_integer_ops {

inline void CheckArithmeticParams(const ArithmeticParams& params) {
  TFLITE_DCHECK_GE(-params.input1_offset, std::numeric_limits<int8_t>::min());
}

// The CFU divides by the power of two and rounds.
inline int32_t Scaled(int32_t value, int32_t multiplier, int shift) {
  return cfu_op4(0, gemmlowp::SaturatingRoundingDoublingHighMul(value, multiplier), -shift);
}

inline int8_t AddFunc(int8_t x, int8_t y, const ArithmeticParams& params) {
  const int32_t left = Scaled((params.input1_offset + x) * (1 << params.left_shift),
                              params.input1_multiplier, params.input1_shift);
  const int32_t right = MultiplyByQuantizedMultiplierSmallerThanOneExp(
      (params.input2_offset + y) * (1 << params.left_shift), params.input2_multiplier,
      params.input2_shift);
  const int32_t raw_output =
      Scaled(left + right, params.output_multiplier, params.output_shift) + params.output_offset;
  return static_cast<int8_t>(std::min(params.quantized_activation_max,
                                      std::max(params.quantized_activation_min, raw_output)));
}

inline void Add(const ArithmeticParams& params,
                const RuntimeShape& input1_shape, const int8_t* input1_data,
                const RuntimeShape& input2_shape, const int8_t* input2_data,
                const RuntimeShape& output_shape, int8_t* output_data) {
  CheckArithmeticParams(params);
  const int flat_size = MatchingElementsSize(input1_shape, input2_shape, output_shape);
  for (int i = 0; i < flat_size; ++i)
    output_data[i] = AddFunc(input1_data[i], input2_data[i], params);
}

inline void BroadcastAdd4DSlow(const ArithmeticParams& params,
                               const RuntimeShape& input1_shape, const int8_t* input1_data,
                               const RuntimeShape& input2_shape, const int8_t* input2_data,
                               const RuntimeShape& output_shape, int8_t* output_data) {
  NdArrayDesc<4> desc1;
  NdArrayDesc<4> desc2;
  NdArrayDescsForElementwiseBroadcast(input1_shape, input2_shape, &desc1, &desc2);
  const RuntimeShape extended = RuntimeShape::ExtendedShape(4, output_shape);
  for (int b = 0; b < extended.Dims(0); ++b)
    for (int y = 0; y < extended.Dims(1); ++y)
      for (int x = 0; x < extended.Dims(2); ++x)
        for (int c = 0; c < extended.Dims(3); ++c)
          output_data[Offset(extended, b, y, x, c)] =
              AddFunc(input1_data[SubscriptToIndex(desc1, b, y, x, c)],
                      input2_data[SubscriptToIndex(desc2, b, y, x, c)], params);
}

}  // namespace reference_integer_ops
}  // namespace tflite

#endif
