// There is no heap: a kernel keeps what it needs in static arrays.
#ifndef TFLM_STDLIB_H
#define TFLM_STDLIB_H
#include <stddef.h>
#ifndef __cplusplus
static inline int abs(int value) { return value < 0 ? -value : value; }
#else
inline int abs(int value) { return value < 0 ? -value : value; }
inline long labs(long value) { return value < 0 ? -value : value; }
#endif
#endif
