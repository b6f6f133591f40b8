// What headers written against TensorFlow Lite Micro's reference kernels use of it, from its
// documented interface: shapes, parameters, fixed-point arithmetic. No interpreter, no tensors.
#ifndef TFLM_SHIM_H
#define TFLM_SHIM_H
// no warnings from here: that -fno-weak copies static members is meant
#pragma GCC system_header

#include "fixed_point_shim.h"
#include "stdio.h"
#include "std_shim.h"

#define TFLITE_DCHECK(...) static_cast<void>(0)
#define TFLITE_DCHECK_EQ(...) static_cast<void>(0)
#define TFLITE_DCHECK_NE(...) static_cast<void>(0)
#define TFLITE_DCHECK_GE(...) static_cast<void>(0)
#define TFLITE_DCHECK_GT(...) static_cast<void>(0)
#define TFLITE_DCHECK_LE(...) static_cast<void>(0)
#define TFLITE_DCHECK_LT(...) static_cast<void>(0)
#define TFLITE_CHECK(...) static_cast<void>(0)
#define TFLITE_CHECK_EQ(...) static_cast<void>(0)
#define TFLITE_CHECK_NE(...) static_cast<void>(0)
#define TFLITE_CHECK_GE(...) static_cast<void>(0)
#define TFLITE_CHECK_GT(...) static_cast<void>(0)
#define TFLITE_CHECK_LE(...) static_cast<void>(0)
#define TFLITE_CHECK_LT(...) static_cast<void>(0)
#define TFLITE_ASSERT_FALSE static_cast<void>(0)
#define TFLITE_ABORT static_cast<void>(0)
#define TFLITE_NOEXCEPT noexcept
#define TF_LITE_STATIC_MEMORY 1
#define TF_LITE_REMOVE_VIRTUAL_DELETE
#define TFLITE_EXPECT_TRUE(condition) (condition)
#define TFLITE_EXPECT_FALSE(condition) (condition)
#define TFLITE_UNLIKELY(condition) (condition)
#define MicroPrintf(...) static_cast<void>(0)

namespace tflite {

using std::int16_t;
using std::int32_t;
using std::int64_t;
using std::int8_t;
using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

// Shapes

class RuntimeShape {
public:
    static constexpr int kMaxSmallSize = 6;

    RuntimeShape() = default;
    explicit RuntimeShape(int count) : count_(count) {}
    RuntimeShape(int count, int32_t value) : count_(count)
    {
        for (int at = 0; at < count; at++)
            sizes_[at] = value;
    }
    RuntimeShape(int count, const int32_t *sizes) { ReplaceWith(count, sizes); }
    RuntimeShape(std::initializer_list<int> sizes) : count_(static_cast<int>(sizes.size()))
    {
        int at = 0;
        for (int size : sizes)
            sizes_[at++] = size;
    }
    // With ones before the sizes of another one.
    RuntimeShape(int count, const RuntimeShape &other, int one) : count_(count)
    {
        int added = count - other.count_;
        for (int at = 0; at < count; at++)
            sizes_[at] = at < added ? one : other.sizes_[at - added];
    }

    int32_t DimensionsCount() const { return count_; }
    int32_t Dims(int at) const { return sizes_[at]; }
    void SetDim(int at, int32_t size) { sizes_[at] = size; }
    int32_t *DimsData() { return sizes_; }
    const int32_t *DimsData() const { return sizes_; }
    const int32_t *DimsDataUpTo5D() const { return sizes_; }
    void Resize(int count) { count_ = count; }
    void ReplaceWith(int count, const int32_t *sizes)
    {
        count_ = count;
        for (int at = 0; at < count; at++)
            sizes_[at] = sizes[at];
    }
    int FlatSize() const
    {
        int size = 1;
        for (int at = 0; at < count_; at++)
            size *= sizes_[at];
        return size;
    }
    static RuntimeShape ExtendedShape(int count, const RuntimeShape &shape)
    {
        return RuntimeShape(count, shape, 1);
    }
    bool operator==(const RuntimeShape &other) const
    {
        bool is_same = count_ == other.count_;
        for (int at = 0; is_same && at < count_; at++)
            is_same = sizes_[at] == other.sizes_[at];
        return is_same;
    }
    bool operator!=(const RuntimeShape &other) const { return !(*this == other); }

private:
    int32_t count_ = 0;
    int32_t sizes_[kMaxSmallSize] = {};
};

inline int Offset(const RuntimeShape &shape, int i0, int i1, int i2, int i3)
{
    const int32_t *sizes = shape.DimsData();
    return ((i0 * sizes[1] + i1) * sizes[2] + i2) * sizes[3] + i3;
}

inline int Offset(const RuntimeShape &shape, int i0, int i1, int i2, int i3, int i4)
{
    const int32_t *sizes = shape.DimsData();
    return (((i0 * sizes[1] + i1) * sizes[2] + i2) * sizes[3] + i3) * sizes[4] + i4;
}

inline int Offset(const RuntimeShape &shape, int *index)
{
    return Offset(shape, index[0], index[1], index[2], index[3]);
}

template <typename... Rest>
inline int MatchingDim(const RuntimeShape &shape, int at, const RuntimeShape &, int, Rest...)
{
    return shape.Dims(at);
}

inline int FlatSizeSkipDim(const RuntimeShape &shape, int skipped)
{
    int size = 1;
    for (int at = 0; at < shape.DimensionsCount(); at++)
        size *= at == skipped ? 1 : shape.Dims(at);
    return size;
}

template <typename... Rest>
inline int MatchingFlatSize(const RuntimeShape &shape, const Rest &...)
{
    return shape.FlatSize();
}

template <typename... Rest>
inline int MatchingElementsSize(const RuntimeShape &shape, const Rest &...)
{
    return shape.FlatSize();
}

template <typename... Rest>
inline int MatchingFlatSizeSkipDim(const RuntimeShape &shape, int skipped, const Rest &...)
{
    return FlatSizeSkipDim(shape, skipped);
}

template <int N>
struct NdArrayDesc {
    int extents[N];
    int strides[N];
};

template <int N>
inline int SubscriptToIndex(const NdArrayDesc<N> &description, const int indexes[N])
{
    int index = 0;
    for (int at = 0; at < N; at++)
        index += indexes[at] * description.strides[at];
    return index;
}

inline int SubscriptToIndex(const NdArrayDesc<4> &description, int i0, int i1, int i2, int i3)
{
    return i0 * description.strides[0] + i1 * description.strides[1] +
           i2 * description.strides[2] + i3 * description.strides[3];
}

template <int N>
inline void CopyDimsToDesc(const RuntimeShape &shape, NdArrayDesc<N> *description)
{
    int stride = 1;
    for (int at = N - 1; at >= 0; at--) {
        description->extents[at] = shape.Dims(at);
        description->strides[at] = stride;
        stride *= shape.Dims(at);
    }
}

template <int N>
inline void NdArrayDescsForElementwiseBroadcast(const RuntimeShape &shape0,
                                                const RuntimeShape &shape1, NdArrayDesc<N> *desc0,
                                                NdArrayDesc<N> *desc1)
{
    CopyDimsToDesc(RuntimeShape::ExtendedShape(N, shape0), desc0);
    CopyDimsToDesc(RuntimeShape::ExtendedShape(N, shape1), desc1);
    for (int at = 0; at < N; at++) {
        if (desc0->extents[at] == desc1->extents[at])
            continue;
        NdArrayDesc<N> *narrow = desc0->extents[at] == 1 ? desc0 : desc1;
        narrow->strides[at] = 0;
        narrow->extents[at] = (narrow == desc0 ? desc1 : desc0)->extents[at];
    }
}

// Parameters

enum class PaddingType : uint8_t { kNone, kSame, kValid };
enum class FusedActivationFunctionType : uint8_t { kNone, kRelu6, kRelu1, kRelu };
enum class BroadcastableOpCategory : uint8_t {
    kNone,
    kNonBroadcast,
    kFirstInputBroadcastsFast,
    kSecondInputBroadcastsFast,
    kGenericBroadcast,
};
enum class FullyConnectedWeightsFormat : uint8_t { kDefault, kShuffled4x16Int8 };

struct PaddingValues {
    int16_t width;
    int16_t height;
    int16_t width_offset;
    int16_t height_offset;
};

struct ConvParams {
    PaddingType padding_type;
    PaddingValues padding_values;
    int16_t stride_width;
    int16_t stride_height;
    int16_t dilation_width_factor;
    int16_t dilation_height_factor;
    int32_t input_offset;
    int32_t weights_offset;
    int32_t output_offset;
    int32_t output_multiplier;
    int output_shift;
    int32_t quantized_activation_min;
    int32_t quantized_activation_max;
    float float_activation_min;
    float float_activation_max;
};

struct DepthwiseParams {
    PaddingType padding_type;
    PaddingValues padding_values;
    int16_t stride_width;
    int16_t stride_height;
    int16_t dilation_width_factor;
    int16_t dilation_height_factor;
    int16_t depth_multiplier;
    int32_t input_offset;
    int32_t weights_offset;
    int32_t output_offset;
    int32_t output_multiplier;
    int output_shift;
    int32_t quantized_activation_min;
    int32_t quantized_activation_max;
    float float_activation_min;
    float float_activation_max;
    const int32_t *output_multiplier_per_channel;
    const int32_t *output_shift_per_channel;
};

struct FullyConnectedParams {
    int32_t input_offset;
    int32_t weights_offset;
    int32_t output_offset;
    int32_t output_multiplier;
    int output_shift;
    int32_t quantized_activation_min;
    int32_t quantized_activation_max;
    float float_activation_min;
    float float_activation_max;
    bool lhs_cacheable;
    bool rhs_cacheable;
    FullyConnectedWeightsFormat weights_format;
};

struct ArithmeticParams {
    BroadcastableOpCategory broadcast_category;
    int32_t input1_offset;
    int32_t input2_offset;
    int32_t output_offset;
    int32_t output_multiplier;
    int output_shift;
    int left_shift;
    int32_t input1_multiplier;
    int input1_shift;
    int32_t input2_multiplier;
    int input2_shift;
    int32_t quantized_activation_min;
    int32_t quantized_activation_max;
    int64_t int64_activation_min;
    int64_t int64_activation_max;
    float float_activation_min;
    float float_activation_max;
    int broadcast_shape[5];
};

struct PoolParams {
    FusedActivationFunctionType activation;
    PaddingType padding_type;
    PaddingValues padding_values;
    int stride_height;
    int stride_width;
    int filter_height;
    int filter_width;
    int32_t quantized_activation_min;
    int32_t quantized_activation_max;
    float float_activation_min;
    float float_activation_max;
};

struct SoftmaxParams {
    double beta;
    int32_t input_multiplier;
    int32_t input_left_shift;
    int32_t reverse_scaling_divisor;
    int32_t reverse_scaling_right_shift;
    int diff_min;
    int32_t zero_point;
    float scale;
    float *table;
    int16_t *exp_lut;
    int16_t *one_over_one_plus_x_lut;
    uint8_t *uint8_table1;
    uint8_t *uint8_table2;
};

template <typename T>
inline T ActivationFunctionWithMinMax(T value, T least, T most)
{
    return std::min<T>(std::max<T>(value, least), most);
}

// Fixed-point arithmetic

inline int32_t MultiplyByQuantizedMultiplierSmallerThanOneExp(int32_t value, int32_t multiplier,
                                                              int shift)
{
    return gemmlowp::RoundingDivideByPOT(
        gemmlowp::SaturatingRoundingDoublingHighMul(value, multiplier), -shift);
}

inline int32_t MultiplyByQuantizedMultiplierGreaterThanOne(int32_t value, int32_t multiplier,
                                                           int shift)
{
    return gemmlowp::SaturatingRoundingDoublingHighMul(value * (INT32_C(1) << shift), multiplier);
}

#ifdef TFLM_ROUNDS_ONCE
// TFLite's FULLY_CONNECTED scales in double: with the multipliers of this firmware that is one
// rounding, ties away from zero.
inline int32_t MultiplyByQuantizedMultiplier(int32_t value, int32_t multiplier, int shift)
{
    int total_shift = 31 - shift;
    int64_t half = (INT64_C(1) << (total_shift - 1)) - (value < 0);
    return static_cast<int32_t>((static_cast<int64_t>(value) * multiplier + half) >> total_shift);
}
#else
inline int32_t MultiplyByQuantizedMultiplier(int32_t value, int32_t multiplier, int shift)
{
    int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    return gemmlowp::RoundingDivideByPOT(
        gemmlowp::SaturatingRoundingDoublingHighMul(value * (INT32_C(1) << left), multiplier),
        right);
}
#endif

inline int32_t MultiplyByQuantizedMultiplier(int64_t value, int32_t multiplier, int shift)
{
    int64_t reduced = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
    int total_shift = 15 - shift;
    return static_cast<int32_t>((value * reduced + (INT64_C(1) << (total_shift - 1))) >>
                                total_shift);
}

template <typename T>
inline int CountLeadingZeros(T value)
{
    return gemmlowp::CountLeadingZeros(value);
}

inline int32_t GetReciprocal(int32_t value, int integer_digits, int *bits_over_unit)
{
    int headroom = CountLeadingZeros(static_cast<uint32_t>(value));
    *bits_over_unit = integer_digits - headroom;
    uint32_t fraction = (static_cast<uint32_t>(value) << headroom) - (UINT32_C(1) << 31);
    return gemmlowp::one_over_one_plus_x_for_x_in_0_1(
               gemmlowp::FixedPoint<int32_t, 0>::FromRaw(static_cast<int32_t>(fraction)))
        .raw();
}

template <typename T>
inline T LUTLookup(T value, const T *table);

// value's high byte and a half choose among 513 entries, its low 7 bits lie between two of them.
template <>
inline int16_t LUTLookup(int16_t value, const int16_t *table)
{
    int index = 256 + (value >> 7), fraction = value & 127;
    int32_t base = table[index], slope = table[index + 1] - base;
    return static_cast<int16_t>(base + ((slope * fraction + 64) >> 7));
}

template <>
inline int8_t LUTLookup(int8_t value, const int8_t *table)
{
    return table[128 + value];
}

inline float TfLiteRound(float value)
{
    return std::round(value);
}

namespace tensor_utils {

// Two int4 a byte, the low one first.
inline void UnpackDenseInt4IntoInt8(const int8_t *packed, int count, int8_t *unpacked)
{
    for (int at = 0; at < count; at++)
        unpacked[at] = static_cast<int8_t>(
            at & 1 ? packed[at / 2] >> 4 : static_cast<int8_t>(packed[at / 2] << 4) >> 4);
}

inline void UnpackPackedIntToInt8(const int8_t *packed, int count, int, int8_t *unpacked)
{
    UnpackDenseInt4IntoInt8(packed, count, unpacked);
}

} // namespace tensor_utils
} // namespace tflite

using tflite::FullyConnectedWeightsFormat;

#endif
