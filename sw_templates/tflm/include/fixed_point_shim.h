// Fixed-point numbers with the names of gemmlowp, as TensorFlow Lite Micro's kernels use them.
//
// FixedPoint<int32_t, n> stands for its raw number divided by 2^(31 - n).
#ifndef FIXED_POINT_SHIM_H
#define FIXED_POINT_SHIM_H
// no warnings from here: that -fno-weak copies static members is meant
#pragma GCC system_header

#include "std_shim.h"

namespace gemmlowp {

inline int32_t SaturatingRoundingDoublingHighMul(int32_t a, int32_t b)
{
    if (a == b && a == INT32_MIN)
        return INT32_MAX;
    int64_t product = static_cast<int64_t>(a) * b;
    // half is added away from zero, and the quotient cut towards it
    int64_t nudged = product + (product >= 0 ? INT64_C(1) << 30 : 1 - (INT64_C(1) << 30));
    return static_cast<int32_t>((nudged + ((nudged >> 63) & 0x7FFFFFFF)) >> 31);
}

template <typename T>
inline T RoundingDivideByPOT(T value, int exponent)
{
    T mask = static_cast<T>((INT64_C(1) << exponent) - 1);
    T threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> exponent) + ((value & mask) > threshold ? 1 : 0);
}

template <int exponent, typename T>
inline T SaturatingRoundingMultiplyByPOT(T value)
{
    if constexpr (exponent < 0) {
        return RoundingDivideByPOT(value, -exponent);
    } else {
        int64_t wide = static_cast<int64_t>(value) * (INT64_C(1) << exponent);
        int64_t least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
        return static_cast<T>(wide < least ? least : wide > most ? most : wide);
    }
}

template <typename T>
inline T RoundingHalfSum(T a, T b)
{
    int64_t sum = static_cast<int64_t>(a) + b;
    return static_cast<T>((sum + (sum >= 0 ? 1 : -1)) / 2);
}

template <typename T>
inline int CountLeadingZeros(T value)
{
    return value ? __builtin_clzll(static_cast<unsigned long long>(value)) - (64 - 8 * sizeof(T))
                 : static_cast<int>(8 * sizeof(T));
}

template <typename T, int integer_bits>
class FixedPoint {
public:
    using RawType = T;
    using ScalarRawType = T;
    static constexpr int kTotalBits = 8 * sizeof(T);
    static constexpr int kIntegerBits = integer_bits;
    static constexpr int kFractionalBits = kTotalBits - 1 - integer_bits;

    static T ScalarRawMin() { return std::numeric_limits<T>::min(); }
    static T ScalarRawMax() { return std::numeric_limits<T>::max(); }
    static FixedPoint FromRaw(T raw)
    {
        FixedPoint made;
        made.raw_ = raw;
        return made;
    }
    static FixedPoint FromScalarRaw(T raw) { return FromRaw(raw); }
    static FixedPoint Zero() { return FromRaw(0); }
    static FixedPoint One()
    {
        return FromRaw(integer_bits == 0 ? ScalarRawMax() : T(T(1) << (kFractionalBits & 63)));
    }
    template <int exponent> static FixedPoint ConstantPOT()
    {
        return FromRaw(T(1) << (kFractionalBits + exponent));
    }
    T raw() const { return raw_; }
    T &raw() { return raw_; }

private:
    T raw_ = 0;
};

template <typename T, int n>
inline FixedPoint<T, n> operator+(FixedPoint<T, n> a, FixedPoint<T, n> b)
{
    return FixedPoint<T, n>::FromRaw(static_cast<T>(a.raw() + b.raw()));
}
template <typename T, int n>
inline FixedPoint<T, n> operator-(FixedPoint<T, n> a, FixedPoint<T, n> b)
{
    return FixedPoint<T, n>::FromRaw(static_cast<T>(a.raw() - b.raw()));
}
template <typename T, int n>
inline FixedPoint<T, n> operator-(FixedPoint<T, n> a)
{
    return FixedPoint<T, n>::FromRaw(static_cast<T>(-a.raw()));
}
template <typename T, int n>
inline FixedPoint<T, n> operator&(FixedPoint<T, n> a, FixedPoint<T, n> b)
{
    return FixedPoint<T, n>::FromRaw(a.raw() & b.raw());
}
template <typename T, int n>
inline bool operator==(FixedPoint<T, n> a, FixedPoint<T, n> b)
{
    return a.raw() == b.raw();
}
template <typename T, int n, int m>
inline FixedPoint<T, n + m> operator*(FixedPoint<T, n> a, FixedPoint<T, m> b)
{
    return FixedPoint<T, n + m>::FromRaw(SaturatingRoundingDoublingHighMul(a.raw(), b.raw()));
}

template <int to, typename T, int from>
inline FixedPoint<T, to> Rescale(FixedPoint<T, from> value)
{
    return FixedPoint<T, to>::FromRaw(SaturatingRoundingMultiplyByPOT<from - to>(value.raw()));
}

template <int exponent, typename T, int n>
inline FixedPoint<T, n + exponent> ExactMulByPot(FixedPoint<T, n> value)
{
    return FixedPoint<T, n + exponent>::FromRaw(value.raw());
}

template <int exponent, typename T, int n>
inline FixedPoint<T, n> SaturatingRoundingMultiplyByPOT(FixedPoint<T, n> value)
{
    return FixedPoint<T, n>::FromRaw(SaturatingRoundingMultiplyByPOT<exponent>(value.raw()));
}

template <typename T, int n>
inline FixedPoint<T, n> RoundingHalfSum(FixedPoint<T, n> a, FixedPoint<T, n> b)
{
    return FixedPoint<T, n>::FromRaw(RoundingHalfSum(a.raw(), b.raw()));
}

// exp(x) for -1/4 <= x < 0: a polynomial around -1/8.
inline FixedPoint<int32_t, 0>
exp_on_interval_between_negative_one_quarter_and_0_excl(FixedPoint<int32_t, 0> value)
{
    using Q0 = FixedPoint<int32_t, 0>;
    const Q0 exp_of_minus_eighth = Q0::FromRaw(1895147668), third = Q0::FromRaw(715827883);
    Q0 x = value + Q0::ConstantPOT<-3>();
    Q0 x2 = x * x, x3 = x2 * x, x4 = x2 * x2;
    Q0 tail = (SaturatingRoundingMultiplyByPOT<-2>(x4) + x3) * third + x2;
    return exp_of_minus_eighth +
           exp_of_minus_eighth * (x + SaturatingRoundingMultiplyByPOT<-1>(tail));
}

// exp(x) for x <= 0: a part of a quarter, times exp(-2^e) for every power of two in the rest.
template <int n>
inline FixedPoint<int32_t, 0> exp_on_negative_values(FixedPoint<int32_t, n> value)
{
    using Q0 = FixedPoint<int32_t, 0>;
    constexpr struct { int exponent; int32_t factor; } powers[] = {
        {-2, 1672461947}, {-1, 1302514674}, {0, 790015084}, {1, 290630308},
        {2, 39332535},    {3, 720401},      {4, 242},
    };
    constexpr int fraction_bits = 31 - n;
    constexpr int32_t quarter = INT32_C(1) << (fraction_bits - 2);

    if (value.raw() == 0)
        return Q0::One();
    if (n > 5 && value.raw() < -(INT32_C(1) << (fraction_bits + 5 > 30 ? 30 : fraction_bits + 5)))
        return Q0::Zero();
    int32_t part = (value.raw() & (quarter - 1)) - quarter;
    int32_t rest = part - value.raw();
    Q0 result = exp_on_interval_between_negative_one_quarter_and_0_excl(
        Rescale<0>(FixedPoint<int32_t, n>::FromRaw(part)));
    for (const auto &power : powers)
        if (power.exponent < n && rest & INT32_C(1) << (fraction_bits + power.exponent))
            result = result * Q0::FromRaw(power.factor);
    return result;
}

// 1 / (1 + x) for 0 <= x < 1: three steps of Newton's method on half of it.
inline FixedPoint<int32_t, 0> one_over_one_plus_x_for_x_in_0_1(FixedPoint<int32_t, 0> value)
{
    using Q0 = FixedPoint<int32_t, 0>;
    using Q2 = FixedPoint<int32_t, 2>;
    Q0 half_denominator = RoundingHalfSum(value, Q0::One());
    Q2 x = Q2::FromRaw(1515870810) + half_denominator * Q2::FromRaw(-1010580540);
    for (int step = 0; step < 3; step++)
        x = x + Rescale<2>(x * (Q2::One() - half_denominator * x));
    return Rescale<0>(ExactMulByPot<-1>(x));
}

} // namespace gemmlowp

#endif
