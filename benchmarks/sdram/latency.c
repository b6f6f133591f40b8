/* Answers `r` with the cycles of line fills from one open row, from rows that change each time,
 * and of a long sequential read. The data cache is emptied before each, there is no second level. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define FILLS 32u

static void put(char letter)
{
    while (REGISTER(UART_TXFULL)) {
    }
    REGISTER(UART_RXTX) = (uint8_t)letter;
}

static uint8_t get(void)
{
    while (REGISTER(UART_RXEMPTY)) {
    }
    const uint8_t byte = (uint8_t)REGISTER(UART_RXTX);
    REGISTER(UART_EV_PENDING) = 2;
    return byte;
}

static void put_number(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        put("0123456789abcdef"[(value >> shift) & 15u]);
    }
}

static uint32_t cycles(void)
{
    uint32_t value;
    __asm__ volatile("csrr %0, mcycle" : "=r"(value));
    return value;
}

static void empty_data_cache(void)
{
    __asm__ volatile(".word 0x500F\n nop\n nop\n nop\n nop\n nop" ::: "memory");
}

/* Every load waits for the one before it: the address depends on its (zero) value. */
static uint32_t fills(uint32_t stride, uint32_t count)
{
    uint32_t address = MAIN_RAM_ORIGIN + 0x100000u;
    empty_data_cache();
    const uint32_t before = cycles();
    for (uint32_t index = 0; index < count; index++) {
        address += stride + REGISTER(address);
    }
    return cycles() - before;
}

int main(void)
{
    for (uint32_t offset = 0; offset < 0x80000u; offset += 4) {
        REGISTER(MAIN_RAM_ORIGIN + 0x100000u + offset) = 0;
    }
    for (;;) {
        if (get() != 'r') {
            continue;
        }
        (void)fills(LINE_BYTES, 4); /* brings the loop into the instruction cache */
        const uint32_t loop = fills(0, FILLS) - fills(0, 1);
        const uint32_t same_row = fills(LINE_BYTES, FILLS);
        const uint32_t other_row = fills(ROW_BYTES, FILLS);
        put_number(loop);
        put(' ');
        put_number(same_row);
        put(' ');
        put_number(other_row);
        put('\r');
        put('\n');
    }
}
