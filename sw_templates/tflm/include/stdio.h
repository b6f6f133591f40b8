// Prints nothing: the serial line belongs to the protocol.
#ifndef TFLM_STDIO_H
#define TFLM_STDIO_H
#include <stddef.h>
#ifndef __cplusplus
#define TFLM_SILENT static inline
#else
#define TFLM_SILENT inline
#endif
TFLM_SILENT int printf(const char *format, ...)
{
    (void)format;
    return 0;
}
TFLM_SILENT int puts(const char *text)
{
    (void)text;
    return 0;
}
TFLM_SILENT int putchar(int character)
{
    return character;
}
#undef TFLM_SILENT
#endif
