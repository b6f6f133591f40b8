// What kernels may call that has no place in a header.
#include <stddef.h>

__attribute__((weak)) long long unsigned my_cycles;

__attribute__((weak)) long long unsigned get_my_cycles()
{
    return my_cycles;
}

__attribute__((weak)) void reset_my_cycles()
{
    my_cycles = 0;
}

#ifdef __riscv
extern "C" {

void *memmove(void *destination, const void *source, size_t size)
{
    char *to = static_cast<char *>(destination);
    const char *from = static_cast<const char *>(source);

    if (to <= from) {
        for (size_t at = 0; at < size; at++)
            to[at] = from[at];
    } else {
        while (size--)
            to[size] = from[size];
    }
    return destination;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = static_cast<const unsigned char *>(a);
    const unsigned char *right = static_cast<const unsigned char *>(b);

    for (size_t at = 0; at < size; at++)
        if (left[at] != right[at])
            return left[at] < right[at] ? -1 : 1;
    return 0;
}

// An object with a destructor that lives as long as the firmware, which has no end.
void *__dso_handle;
int __cxa_atexit(void (*)(void *), void *, void *)
{
    return 0;
}

} // extern "C"
#endif
