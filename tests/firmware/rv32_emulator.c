/* A core without timing: RV32I, multiplications and divisions as asked for, and LiteX's UART on
 * standard input and output. Ends at the end of its input.
 *
 * usage: rv32_emulator FIRMWARE.bin MULTIPLY(0|1) DIVIDE(0|1) INSTRUCTION_LIMIT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BASE 0x40000000u
#define RAM_SIZE (4u << 20)
#define SRAM_BASE 0x10000000u
#define SRAM_SIZE 8192u
#define UART_BASE 0xf0001000u

static uint8_t ram[RAM_SIZE], sram[SRAM_SIZE];
static uint32_t x[32], pc = RAM_BASE, mtvec, mcause, mepc;
static uint64_t retired;
static int pending = -2; /* -2: nothing read ahead, EOF: the input has ended */

static void fail(const char *what, uint32_t address)
{
    fflush(stdout);
    fprintf(stderr, "emulator: %s at pc 0x%08x, address 0x%08x\n", what, pc, address);
    exit(3);
}

static uint8_t *memory(uint32_t address, uint32_t size)
{
    if (address % size)
        fail("misaligned access", address);
    if (address - RAM_BASE < RAM_SIZE)
        return ram + (address - RAM_BASE);
    if (address - SRAM_BASE < SRAM_SIZE)
        return sram + (address - SRAM_BASE);
    fail("access outside memory", address);
    return 0;
}

static uint32_t uart_load(uint32_t address)
{
    switch (address - UART_BASE) {
    case 0: /* rxtx */
        return pending < 0 ? 0 : (uint32_t)pending;
    case 4: /* txfull */
        return 0;
    case 8: /* rxempty */
        if (pending == -2) {
            fflush(stdout);
            pending = getchar();
        }
        if (pending == EOF) {
            fprintf(stderr, "instructions %llu\n", (unsigned long long)retired);
            exit(0);
        }
        return 0;
    default:
        return 0;
    }
}

static uint32_t load(uint32_t address, uint32_t size)
{
    uint32_t value = 0;
    if (address >> 28 == 0xf)
        return uart_load(address);
    memcpy(&value, memory(address, size), size);
    return value;
}

static void store(uint32_t address, uint32_t value, uint32_t size)
{
    if (address == UART_BASE)
        putchar((int)(value & 255));
    else if (address == UART_BASE + 16 && value & 2)
        pending = -2;
    else if (address >> 28 != 0xf)
        memcpy(memory(address, size), &value, size);
}

static uint32_t *csr(uint32_t number)
{
    static uint32_t copy;
    switch (number) {
    case 0x305: return &mtvec;
    case 0x341: return &mepc;
    case 0x342: return &mcause;
    case 0xb00: copy = (uint32_t)retired; return &copy;
    case 0xb80: copy = (uint32_t)(retired >> 32); return &copy;
    }
    fail("unknown CSR", number);
    return 0;
}

static uint32_t multiply_or_divide(uint32_t function, uint32_t a, uint32_t b)
{
    int64_t sa = (int32_t)a, sb = (int32_t)b;
    switch (function) {
    case 0: return a * b;
    case 1: return (uint32_t)((uint64_t)(sa * sb) >> 32);
    case 2: return (uint32_t)((uint64_t)(sa * (int64_t)(uint64_t)b) >> 32);
    case 3: return (uint32_t)((uint64_t)a * b >> 32);
    case 4: return b ? (uint32_t)(sa / sb) : UINT32_MAX;
    case 5: return b ? a / b : UINT32_MAX;
    case 6: return b ? (uint32_t)(sa % sb) : a;
    default: return b ? a % b : a;
    }
}

static uint32_t arithmetic(uint32_t function, int alternative, uint32_t a, uint32_t b)
{
    switch (function) {
    case 0: return alternative ? a - b : a + b;
    case 1: return a << (b & 31);
    case 2: return (int32_t)a < (int32_t)b;
    case 3: return a < b;
    case 4: return a ^ b;
    case 5: return alternative ? (uint32_t)((int32_t)a >> (b & 31)) : a >> (b & 31);
    case 6: return a | b;
    default: return a & b;
    }
}

static int branches(uint32_t function, uint32_t a, uint32_t b)
{
    int result = function & 4 ? (function & 2 ? a < b : (int32_t)a < (int32_t)b) : a == b;
    return result ^ (int)(function & 1);
}

static uint32_t trap(void)
{
    mcause = 2;
    mepc = pc;
    return mtvec;
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 2;
    FILE *file = fopen(arguments[1], "rb");
    if (!file || !fread(ram, 1, RAM_SIZE, file))
        return 2;
    fclose(file);
    int has_multiplier = atoi(arguments[2]), has_divider = atoi(arguments[3]);
    uint64_t limit = strtoull(arguments[4], 0, 10);

    for (; retired < limit; retired++) {
        uint32_t i = load(pc, 4), next = pc + 4;
        uint32_t rd = i >> 7 & 31, f3 = i >> 12 & 7, f7 = i >> 25;
        uint32_t a = x[i >> 15 & 31], b = x[i >> 20 & 31], result = 0;
        int32_t imm_i = (int32_t)i >> 20;
        int32_t imm_s = (int32_t)(i & 0xfe000000) >> 20 | (int32_t)rd;
        int writes = 1;

        switch (i & 127) {
        case 0x37: result = i & 0xfffff000; break;
        case 0x17: result = pc + (i & 0xfffff000); break;
        case 0x6f:
            result = next;
            next = pc + ((uint32_t)((int32_t)(i & 0x80000000) >> 11) | (i & 0xff000) |
                         (i >> 9 & 0x800) | (i >> 20 & 0x7fe));
            break;
        case 0x67: result = next; next = (a + (uint32_t)imm_i) & ~1u; break;
        case 0x63:
            writes = 0;
            if (branches(f3, a, b))
                next = pc + ((uint32_t)((int32_t)(i & 0x80000000) >> 19) | (i << 4 & 0x800) |
                             (i >> 20 & 0x7e0) | (i >> 7 & 0x1e));
            break;
        case 0x03:
            result = load(a + (uint32_t)imm_i, 1u << (f3 & 3));
            if (f3 == 0) result = (uint32_t)(int8_t)result;
            if (f3 == 1) result = (uint32_t)(int16_t)result;
            break;
        case 0x23: writes = 0; store(a + (uint32_t)imm_s, b, 1u << f3); break;
        case 0x13: result = arithmetic(f3, f3 == 5 && f7 & 32, a, (uint32_t)imm_i); break;
        case 0x33:
            if (f7 == 1) {
                if (!(f3 < 4 ? has_multiplier : has_divider)) { writes = 0; next = trap(); break; }
                result = multiply_or_divide(f3, a, b);
            } else
                result = arithmetic(f3, f7 & 32, a, b);
            break;
        case 0x73: {
            uint32_t *r = csr(i >> 20);
            result = *r;
            if (f3 == 1) *r = a;
            else if (f3 != 2 || i >> 15 & 31) fail("unknown system instruction", i);
            break;
        }
        default: writes = 0; next = trap();
        }
        if (writes && rd)
            x[rd] = result;
        if (next == pc) {
            fflush(stdout);
            fprintf(stderr, "emulator: the firmware has stopped at 0x%08x\n", pc);
            return 4;
        }
        pc = next;
    }
    fail("instruction limit", 0);
}
