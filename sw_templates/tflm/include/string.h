// Copying and filling: the firmware's memory.c and tflm_support.cc, or the host's C library.
#ifndef TFLM_STRING_H
#define TFLM_STRING_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
void *memcpy(void *destination, const void *source, size_t size);
void *memmove(void *destination, const void *source, size_t size);
void *memset(void *destination, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
#ifdef __cplusplus
}
#endif
#endif
