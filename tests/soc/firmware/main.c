/* A firmware for tests: answers single letters, so that SoC, simulator and boards can be driven. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

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
    REGISTER(UART_EV_PENDING) = 2; /* takes the byte out of the FIFO */
    return byte;
}

static void put_text(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

static void put_hex(uint32_t value)
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

static uint32_t cfu(uint32_t a, uint32_t b)
{
    uint32_t result;
    __asm__ volatile(".insn r CUSTOM_0, 1, 2, %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

static uint32_t test_memory(void)
{
    /* Over many SDRAM rows and all banks, larger than the caches, in bytes and words. */
    volatile uint32_t *const words = (volatile uint32_t *)(MAIN_RAM_ORIGIN + 0x40000);
    volatile uint8_t *const bytes = (volatile uint8_t *)words;
    uint32_t wrong = 0;
    uint32_t state = 1;
    for (int index = 0; index < 8192; index++) {
        state = state * 1664525u + 1013904223u;
        words[index] = state;
        bytes[4 * index + 2] = (uint8_t)index;
    }
    state = 1;
    for (int index = 0; index < 8192; index++) {
        state = state * 1664525u + 1013904223u;
        const uint32_t expected = (state & 0xff00ffffu) | (uint32_t)(index & 255) << 16;
        wrong += words[index] != expected;
    }
    return wrong;
}

static int8_t inputs[1024] = {1, 2, 3};
static int8_t weights[1024] = {4, 5, 6};

__attribute__((noinline)) static uint32_t multiply_accumulate(void)
{
    int32_t sum = 0;
    for (int pass = 0; pass < 16; pass++) {
        for (int index = 0; index < 1024; index++) {
            sum += inputs[index] * weights[index];
        }
        inputs[pass]++; /* so that no pass is like another */
    }
    return (uint32_t)sum;
}

static void answer(uint8_t command)
{
    switch (command) {
    case 'h':
        put_text("hello\r\n");
        break;
    case 'c': /* CFU: function 1 of 3 bits, 2 of 7 bits; operands 1000 and 234 */
#ifdef CFU_GATE
        __asm__ volatile("csrs 0xbc0, %0" : : "r"(1u << 31));
#endif
        put_hex(cfu(1000, 234));
        put_text("\r\n");
        break;
    case 'm':
        put_hex(test_memory());
        put_text("\r\n");
        break;
    case 't': { /* cycles of 16384 multiply-accumulates, then their sum */
        const uint32_t start = cycles();
        const uint32_t sum = multiply_accumulate();
        put_hex(cycles() - start);
        put(' ');
        put_hex(sum);
        put_text("\r\n");
        break;
    }
    case 'b': /* work for a benchmark: 64 rounds */
        for (int round = 0; round < 64; round++) {
            (void)multiply_accumulate();
        }
        put_text("done\r\n");
        break;
    case 'e': { /* echo 256 bytes */
        for (int index = 0; index < 256; index++) {
            put((char)get());
        }
        break;
    }
    case 'f': /* flood: 200000 bytes, each its index modulo 251 */
        for (uint32_t index = 0, byte = 0; index < 200000; index++) {
            put((char)byte);
            byte = byte == 250 ? 0 : byte + 1;
        }
        break;
    case 'n': { /* reads and writes where nothing is, in both halves of the address space; cycles, then the words */
        const uint32_t start = cycles();
        REGISTER(0x20000000u) = 1;
        REGISTER(0x90000000u) = 2;
        const uint32_t cached = REGISTER(0x20000000u);
        const uint32_t uncached = REGISTER(0x90000000u);
        put_hex(cycles() - start);
        put(' ');
        put_hex(cached);
        put(' ');
        put_hex(uncached);
        put_text("\r\n");
        break;
    }
    case 'x': /* never answers again */
        for (;;) {
        }
    default:
        put('?');
    }
}

int main(void)
{
    put_text("ready\r\n");
    for (;;) {
        answer(get());
    }
}
