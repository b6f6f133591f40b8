// Runs one program: CFU_MODE SLOW_MEMORY INTERRUPTS SEED MAX_CYCLES +program=FILE +dump=FILE; exit code 3: did not stop.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "VBench.h"
#include "verilated.h"

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    const auto context = std::make_unique<VerilatedContext>();
    context->commandArgs(argc, argv);
    const auto bench = std::make_unique<VBench>(context.get());
    bench->cfu_mode = std::atoi(argv[1]);
    bench->slow_memory = std::atoi(argv[2]);
    bench->interrupts = std::atoi(argv[3]);
    bench->seed = std::strtoul(argv[4], nullptr, 0);
    const long max_cycles = std::atol(argv[5]);
    const long reset_cycles = 4;
    long cycle = 0;
    while ((cycle <= reset_cycles || !bench->stopped) && cycle < max_cycles) {
        bench->reset = cycle < reset_cycles;
        bench->clk = 0;
        bench->eval();
        bench->clk = 1;
        bench->eval();
        ++cycle;
    }
    bench->final();
    std::printf("%ld\n", cycle);
    return bench->stopped ? 0 : 3;
}
