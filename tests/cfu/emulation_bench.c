/* Feeds commands from stdin to a family's C emulation: function id and operands in hexadecimal. */
#include <stdint.h>
#include <stdio.h>

uint32_t cfu_emulate(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b);

int main(void)
{
    unsigned id, a, b;

    while (scanf("%x %x %x", &id, &a, &b) == 3)
        printf("%08x\n", (unsigned)cfu_emulate(id & 7, id >> 3, a, b));
    return 0;
}
