// CFU-Playground's helpers to look at a layer: they print nothing, and a hash is 0.
#ifndef PLAYGROUND_UTIL_SILENT_H
#define PLAYGROUND_UTIL_SILENT_H
#include <stddef.h>
#include <stdint.h>
template <typename... T> inline void print_conv_params(const T &...) {}
template <typename... T> inline void print_depthwise_params(const T &...) {}
template <typename... T> inline void print_fully_connected_params(const T &...) {}
template <typename... T> inline void print_arithmetic_params(const T &...) {}
template <typename... T> inline void print_pool_params(const T &...) {}
template <typename... T> inline void print_shape(const T &...) {}
template <typename... T> inline void dump(const T &...) {}
inline uint32_t murmurhash3_32(const uint8_t *, size_t) { return 0; }
#endif
