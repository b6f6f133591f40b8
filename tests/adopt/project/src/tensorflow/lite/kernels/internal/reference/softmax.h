#ifndef TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_SOFTMAX_H_
#define TENSORFLOW_LITE_KERNELS_INTERNAL_REFERENCE_SOFTMAX_H_

#include <algorithm>
#include <limits>

#include "cfu.h"
#include "fixedpoint/fixedpoint.h"
#include "tensorflow/lite/kernels/internal/common.h"
#include "tensorflow/lite/kernels/internal/cppmath.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/kernels/internal/types.h"
#include "tensorflow/lite/kernels/op_macros.h"

namespace tflite {
namespace reference_ops {

inline void Softmax(const SoftmaxParams& params, const RuntimeShape& input_shape,
                    const float* input_data, const RuntimeShape& output_shape,
                    float* output_data) {
  const int size = MatchingFlatSizeSkipDim(input_shape, 0, output_shape);
  for (int c = 0; c < size; ++c)
    output_data[c] = std::exp(input_data[c] * static_cast<float>(params.beta));
}

// The largest by the CFU; exponentials are kept instead of computed twice.
template <typename InputT, typename OutputT>
inline void Softmax(const SoftmaxParams& params, const RuntimeShape& input_shape,
                    const InputT* input_data, const RuntimeShape& output_shape,
                    OutputT* output_data) {
  using FixedPointScaledDiff = gemmlowp::FixedPoint<int32_t, 5>;
  using FixedPointAccum = gemmlowp::FixedPoint<int32_t, 12>;
  using FixedPoint0 = gemmlowp::FixedPoint<int32_t, 0>;
  static FixedPoint0 exps[1024];
  const int trailing_dim = input_shape.DimensionsCount() - 1;
  const int outer_size = MatchingFlatSizeSkipDim(input_shape, trailing_dim, output_shape);
  const int depth = MatchingDim(input_shape, trailing_dim, output_shape, trailing_dim);

  for (int i = 0; i < outer_size; ++i) {
    int32_t max_in_row = std::numeric_limits<InputT>::min();
    for (int c = 0; c < depth; ++c)
      max_in_row = cfu_op3(0, max_in_row, input_data[i * depth + c]);
    FixedPointAccum sum_of_exps = FixedPointAccum::Zero();
    for (int c = 0; c < depth; ++c) {
      const int32_t input_diff = static_cast<int32_t>(input_data[i * depth + c]) - max_in_row;
      exps[c] = FixedPoint0::Zero();
      if (input_diff < params.diff_min) continue;
      const int32_t rescaled = MultiplyByQuantizedMultiplierGreaterThanOne(
          input_diff, params.input_multiplier, params.input_left_shift);
      exps[c] = exp_on_negative_values(FixedPointScaledDiff::FromRaw(rescaled));
      sum_of_exps = sum_of_exps + gemmlowp::Rescale<12>(exps[c]);
    }
    int num_bits_over_unit;
    const FixedPoint0 scale =
        FixedPoint0::FromRaw(GetReciprocal(sum_of_exps.raw(), 12, &num_bits_over_unit));
    const int exponent = num_bits_over_unit + 31 - (sizeof(OutputT) * 8);
    TFLITE_CHECK(0 <= exponent && exponent <= 31);
    for (int c = 0; c < depth; ++c) {
      const int32_t unsat = gemmlowp::RoundingDivideByPOT((scale * exps[c]).raw(), exponent);
      const int32_t shifted = unsat + static_cast<int32_t>(std::numeric_limits<OutputT>::min());
      output_data[i * depth + c] = static_cast<OutputT>(
          std::max(std::min(shifted, static_cast<int32_t>(std::numeric_limits<OutputT>::max())),
                   static_cast<int32_t>(std::numeric_limits<OutputT>::min())));
    }
  }
}

}  // namespace reference_ops
}  // namespace tflite

#endif
