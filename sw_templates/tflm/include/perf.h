// CFU-Playground's counters. Cycles are the core's on the core, and stand still on the host; there
// are no further counters: cycles of layers are what `show` prints.
#ifndef CFU_PLAYGROUND_PERF_H_
#define CFU_PLAYGROUND_PERF_H_

#include <stdint.h>

#define NUM_PERF_COUNTERS 8

static inline unsigned perf_get_mcycle(void)
{
#ifdef __riscv
    unsigned result;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, mcycle\n.option pop" : "=r"(result));
    return result;
#else
    return 0;
#endif
}

static inline uint64_t perf_get_mcycle64(void) { return perf_get_mcycle(); }
static inline void perf_set_mcycle(unsigned cycles) { (void)cycles; }
static inline void perf_zero_start_counts(void) {}
static inline unsigned perf_get_start_count(int counter) { (void)counter; return 0; }
static inline unsigned perf_get_counter(int counter) { (void)counter; return 0; }
static inline unsigned perf_get_counter_enable(int counter) { (void)counter; return 0; }
static inline void perf_set_counter(int counter, unsigned count) { (void)counter; (void)count; }
static inline void perf_set_counter_enable(int counter, unsigned on) { (void)counter; (void)on; }
static inline void perf_enable_counter(int counter) { (void)counter; }
static inline void perf_disable_counter(int counter) { (void)counter; }
static inline void perf_print_human(uint64_t number) { (void)number; }
static inline void perf_print_value(uint64_t number) { (void)number; }
static inline void perf_reset_all_counters(void) {}
static inline void perf_print_all_counters(void) {}

#endif
