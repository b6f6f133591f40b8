// What kernels use of the C++ library, for a compiler that comes without one.
#ifndef STD_SHIM_H
#define STD_SHIM_H
// no warnings from here: that -fno-weak copies static members is meant
#pragma GCC system_header

#include <float.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "math.h"
#include "stdlib.h"
#include "string.h"

namespace std {

using ::int16_t;
using ::int32_t;
using ::int64_t;
using ::int8_t;
using ::intptr_t;
using ::memcmp;
using ::memcpy;
using ::memmove;
using ::memset;
using ::ptrdiff_t;
using ::size_t;
using ::uint16_t;
using ::uint32_t;
using ::uint64_t;
using ::uint8_t;
using ::uintptr_t;
using nullptr_t = decltype(nullptr);

// The compiler makes one of every list in braces and knows these two members.
template <typename E>
class initializer_list {
public:
    using value_type = E;
    using size_type = size_t;
    using iterator = const E *;
    using const_iterator = const E *;

    constexpr initializer_list() noexcept : _M_array(nullptr), _M_len(0) {}
    constexpr size_t size() const noexcept { return _M_len; }
    constexpr const E *begin() const noexcept { return _M_array; }
    constexpr const E *end() const noexcept { return _M_array + _M_len; }

private:
    constexpr initializer_list(const E *array, size_t length) : _M_array(array), _M_len(length) {}

    const E *_M_array;
    size_t _M_len;
};

template <typename T> struct remove_reference { using type = T; };
template <typename T> struct remove_reference<T &> { using type = T; };
template <typename T> struct remove_reference<T &&> { using type = T; };
template <typename T> using remove_reference_t = typename remove_reference<T>::type;
template <typename T> struct remove_cv { using type = T; };
template <typename T> struct remove_cv<const T> { using type = T; };
template <typename T> struct remove_cv<volatile T> { using type = T; };
template <typename T> struct remove_cv<const volatile T> { using type = T; };
template <typename T> using remove_cv_t = typename remove_cv<T>::type;
template <typename T> using decay_t = remove_cv_t<remove_reference_t<T>>;
template <bool is_true, typename T = void> struct enable_if {};
template <typename T> struct enable_if<true, T> { using type = T; };
template <bool is_true, typename T = void>
using enable_if_t = typename enable_if<is_true, T>::type;
template <bool is_true, typename A, typename B> struct conditional { using type = A; };
template <typename A, typename B> struct conditional<false, A, B> { using type = B; };
template <bool is_true, typename A, typename B>
using conditional_t = typename conditional<is_true, A, B>::type;
template <typename T, T number> struct integral_constant {
    static constexpr T value = number;
    using type = integral_constant;
    constexpr operator T() const { return number; }
};
using true_type = integral_constant<bool, true>;
using false_type = integral_constant<bool, false>;
template <typename A, typename B> struct is_same : false_type {};
template <typename A> struct is_same<A, A> : true_type {};
template <typename A, typename B> inline constexpr bool is_same_v = is_same<A, B>::value;

template <typename T>
constexpr remove_reference_t<T> &&move(T &&value) noexcept
{
    return static_cast<remove_reference_t<T> &&>(value);
}

template <typename T>
constexpr void swap(T &a, T &b)
{
    T old = move(a);
    a = move(b);
    b = move(old);
}

template <typename T> constexpr const T &min(const T &a, const T &b) { return b < a ? b : a; }
template <typename T> constexpr const T &max(const T &a, const T &b) { return a < b ? b : a; }

template <typename T>
constexpr T min(initializer_list<T> values)
{
    T least = *values.begin();
    for (const T &value : values)
        least = min(least, value);
    return least;
}

template <typename T>
constexpr T max(initializer_list<T> values)
{
    T most = *values.begin();
    for (const T &value : values)
        most = max(most, value);
    return most;
}

template <typename T>
constexpr const T &clamp(const T &value, const T &low, const T &high)
{
    return value < low ? low : high < value ? high : value;
}

template <typename I>
constexpr I max_element(I first, I last)
{
    I most = first;
    for (; first != last; ++first)
        if (*most < *first)
            most = first;
    return most;
}

template <typename I>
constexpr I min_element(I first, I last)
{
    I least = first;
    for (; first != last; ++first)
        if (*first < *least)
            least = first;
    return least;
}

template <typename I, typename T>
constexpr void fill(I first, I last, const T &value)
{
    for (; first != last; ++first)
        *first = value;
}

template <typename I, typename N, typename T>
constexpr I fill_n(I first, N count, const T &value)
{
    for (; count > 0; --count, ++first)
        *first = value;
    return first;
}

template <typename I, typename O>
constexpr O copy(I first, I last, O out)
{
    for (; first != last; ++first, ++out)
        *out = *first;
    return out;
}

template <typename I, typename N, typename O>
constexpr O copy_n(I first, N count, O out)
{
    for (; count > 0; --count, ++first, ++out)
        *out = *first;
    return out;
}

template <typename I, typename T>
constexpr T accumulate(I first, I last, T sum)
{
    for (; first != last; ++first)
        sum = sum + *first;
    return sum;
}

template <typename T, size_t count>
struct array {
    T elements[count ? count : 1];

    constexpr T &operator[](size_t at) { return elements[at]; }
    constexpr const T &operator[](size_t at) const { return elements[at]; }
    constexpr T *begin() { return elements; }
    constexpr T *end() { return elements + count; }
    constexpr const T *begin() const { return elements; }
    constexpr const T *end() const { return elements + count; }
    constexpr T *data() { return elements; }
    constexpr const T *data() const { return elements; }
    constexpr size_t size() const { return count; }
    constexpr void fill(const T &value) { std::fill(begin(), end(), value); }
};

template <typename A, typename B>
struct pair {
    A first;
    B second;
};

template <typename T> struct numeric_limits;

#define STD_SHIM_INTEGER(type, low, high, has_sign)                        \
    template <> struct numeric_limits<type> {                             \
        static constexpr bool is_specialized = true;                      \
        static constexpr bool is_integer = true;                          \
        static constexpr bool is_signed = has_sign;                       \
        static constexpr int digits = 8 * sizeof(type) - has_sign;        \
        static constexpr type min() noexcept { return low; }              \
        static constexpr type lowest() noexcept { return low; }           \
        static constexpr type max() noexcept { return high; }             \
    };
STD_SHIM_INTEGER(bool, false, true, false)
STD_SHIM_INTEGER(char, CHAR_MIN, CHAR_MAX, (CHAR_MIN < 0))
STD_SHIM_INTEGER(signed char, SCHAR_MIN, SCHAR_MAX, true)
STD_SHIM_INTEGER(unsigned char, 0, UCHAR_MAX, false)
STD_SHIM_INTEGER(short, SHRT_MIN, SHRT_MAX, true)
STD_SHIM_INTEGER(unsigned short, 0, USHRT_MAX, false)
STD_SHIM_INTEGER(int, INT_MIN, INT_MAX, true)
STD_SHIM_INTEGER(unsigned, 0, UINT_MAX, false)
STD_SHIM_INTEGER(long, LONG_MIN, LONG_MAX, true)
STD_SHIM_INTEGER(unsigned long, 0, ULONG_MAX, false)
STD_SHIM_INTEGER(long long, -__LONG_LONG_MAX__ - 1, __LONG_LONG_MAX__, true)
STD_SHIM_INTEGER(unsigned long long, 0, 2ULL * __LONG_LONG_MAX__ + 1, false)
#undef STD_SHIM_INTEGER

template <> struct numeric_limits<float> {
    static constexpr bool is_integer = false;
    static constexpr float min() noexcept { return FLT_MIN; }
    static constexpr float lowest() noexcept { return -FLT_MAX; }
    static constexpr float max() noexcept { return FLT_MAX; }
    static constexpr float infinity() noexcept { return __builtin_inff(); }
};
template <> struct numeric_limits<double> {
    static constexpr bool is_integer = false;
    static constexpr double min() noexcept { return DBL_MIN; }
    static constexpr double lowest() noexcept { return -DBL_MAX; }
    static constexpr double max() noexcept { return DBL_MAX; }
    static constexpr double infinity() noexcept { return __builtin_inf(); }
};

inline int abs(int value) { return value < 0 ? -value : value; }
inline long abs(long value) { return value < 0 ? -value : value; }
inline long long abs(long long value) { return value < 0 ? -value : value; }
inline float abs(float value) { return value < 0 ? -value : value; }
inline double abs(double value) { return value < 0 ? -value : value; }

// Of floats: declared for kernels of floats in the same header, which nobody calls here.
float exp(float value);
float log(float value);
float sqrt(float value);
float round(float value);
float floor(float value);
float pow(float value, float exponent);
double exp(double value);
double log(double value);
double sqrt(double value);
double round(double value);
double floor(double value);
double pow(double value, double exponent);

} // namespace std

#endif
