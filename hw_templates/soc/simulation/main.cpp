// Runs the simulated SoC: its clock, its UART, its limits.
//
// The simulated time is a function of the bytes received, not of the host's speed: a byte enters
// the SoC when the firmware finds its receive FIFO empty, and while there is none the clock stands
// still. So the same exchange costs the same cycles on any machine, and waiting costs no CPU.

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "Vsoc.h"
#include "cfu_clock.h"
#include "serial_pty.h"
#include "verilated.h"

namespace {

constexpr int exit_wrong_usage = 2;
constexpr int exit_cycle_limit = 3;
constexpr int exit_cfu_hangs = 4;
constexpr uint64_t batch_cycles = 1u << 16;

// How long the CPU may wait for one handshake with the CFU. Instructions of the family simd take some
// tens of cycles; one that ran the largest layer of ResNet-8 (2.4 million products) with four products
// a cycle would take 600,000.
constexpr uint64_t cfu_wait_limit = 1'000'000;

struct Options {
    uint64_t cycle_limit = UINT64_MAX;
    uint64_t command_cycle_limit = UINT64_MAX;
    const char *link = nullptr;
    uint64_t parent = 0;
    uint64_t cycles_fd = 0;
    bool free_running = false;
};

void usage(FILE *sink)
{
    std::fputs(
        "usage: simulator [options]\n"
        "Reads the memory contents from *.init in the current folder, prints the path of a serial\n"
        "port on standard output and runs until it is told to stop (SIGTERM, SIGINT).\n"
        "  --cycle-limit N          stop with exit status 3 after N cycles\n"
        "  --command-cycle-limit N  stop with exit status 3 when the firmware runs N cycles\n"
        "                           without asking for another byte\n"
        "  --link PATH              make PATH a symbolic link to the serial port\n"
        "  --parent PID             end at once when this is not the process that started it\n"
        "  --cycles-fd FD           keep the number of cycles so far in the first 8 bytes of the open\n"
        "                           file FD, in this machine's order, up to 65536 cycles behind\n"
        "  --free-running           run on while the firmware waits for input; cycle counts then\n"
        "                           depend on the speed of this machine\n"
        "It ends with exit status 4 when the CFU lets the CPU wait for a million cycles.\n",
        sink);
}

uint64_t number_from(const char *text)
{
    char *end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value == 0 || *text == '-') {
        std::fprintf(stderr, "simulator: %s is not a positive number\n", text);
        std::exit(exit_wrong_usage);
    }
    return value;
}

Options options_from(int argc, char **argv)
{
    static const option table[] = {
        {"cycle-limit", required_argument, nullptr, 'c'},
        {"command-cycle-limit", required_argument, nullptr, 'i'},
        {"link", required_argument, nullptr, 'l'},
        {"parent", required_argument, nullptr, 'p'},
        {"cycles-fd", required_argument, nullptr, 'd'},
        {"free-running", no_argument, nullptr, 'f'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    Options options;
    for (int letter; (letter = getopt_long(argc, argv, "", table, nullptr)) != -1;) {
        switch (letter) {
        case 'c': options.cycle_limit = number_from(optarg); break;
        case 'i': options.command_cycle_limit = number_from(optarg); break;
        case 'l': options.link = optarg; break;
        case 'p': options.parent = number_from(optarg); break;
        case 'd': options.cycles_fd = number_from(optarg); break;
        case 'f': options.free_running = true; break;
        case 'h': usage(stdout); std::exit(0);
        default: usage(stderr); std::exit(exit_wrong_usage);
        }
    }
    if (optind != argc) {
        usage(stderr);
        std::exit(exit_wrong_usage);
    }
    return options;
}

void request_stop(int) { stop_requested = 1; }

void handle_signals()
{
    struct sigaction action = {};
    action.sa_handler = request_stop;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

// A simulator that nobody owns would run for ever.
void end_with_parent(uint64_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (parent != 0 && parent != static_cast<uint64_t>(getppid())) {
        std::fprintf(stderr, "simulator: process %" PRIu64 " ended before the start\n", parent);
        std::exit(1);
    }
}

// The first 8 bytes of a file, of which whoever has it open may read the number at any time: it is
// told by a store in memory, which costs nothing and waits for nobody.
volatile uint64_t *shared_number(int fd)
{
    void *const shared =
        mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        std::fprintf(stderr, "simulator: cannot keep the cycles in file %d: %s\n", fd,
                     std::strerror(errno));
        std::exit(exit_wrong_usage);
    }
    return static_cast<volatile uint64_t *>(shared);
}

class Simulation {
public:
    // told: gets the cycles after each batch; may be null.
    Simulation(Vsoc &soc, SerialPty &serial, const Options &options, volatile uint64_t *told)
        : soc_(soc), serial_(serial), options_(options), told_(told)
    {
        soc_.serial_source_ready = 1; // a full line stops the clock instead
        soc_.serial_sink_valid = 0;
    }

    uint64_t cycles() const { return cycles_; }

    uint64_t cfu_wait_cycles() const { return cfu_wait_cycles_; }

    // What the CFU owes; to be asked when it hangs.
    const char *cfu_fault() const
    {
        return soc_.cfu_untaken ? "does not take a command (cmd_ready stays low)"
                                : "does not answer a command (rsp_valid stays low)";
    }

    // Returns the exit status.
    int run()
    {
        while (!stop_requested) {
            const uint64_t command_cycles = cycles_ - command_start_;
            const bool at_limit = cycles_ >= options_.cycle_limit ||
                                  command_cycles >= options_.command_cycle_limit;
            // A limit below ours that was spent on one wait tells the same.
            const bool has_waited = at_limit && cfu_wait_cycles_ > command_cycles / 2;
            if (cfu_wait_cycles_ >= cfu_wait_limit || has_waited) {
                return exit_cfu_hangs;
            }
            if (at_limit) {
                return exit_cycle_limit;
            }
            const uint64_t total_left = options_.cycle_limit - cycles_;
            const uint64_t command_left = options_.command_cycle_limit - command_cycles;
            const uint64_t left = total_left < command_left ? total_left : command_left;
            run_cycles(left < batch_cycles ? left : batch_cycles);
            serial_.flush();
            if (told_ != nullptr) {
                *told_ = cycles_;
            }
        }
        return 0;
    }

private:
    // Stops early, at a cycle that depends only on the firmware and its input, when it waits.
    void run_cycles(uint64_t count)
    {
        for (const uint64_t end = cycles_ + count; cycles_ != end;) {
            soc_.sys_clk = 1;
            cfu_clock_.rise_with(soc_);
            soc_.eval();
            soc_.serial_sink_valid = 0;
            soc_.sys_clk = 0;
            cfu_clock_.fall(soc_);
            soc_.eval();
            cfu_clock_.run_between(soc_);
            ++cycles_;
            if (soc_.cfu_untaken | soc_.cfu_unanswered) [[unlikely]] {
                if (++cfu_wait_cycles_ >= cfu_wait_limit) {
                    return;
                }
            } else {
                cfu_wait_cycles_ = 0;
            }
            if (soc_.serial_source_valid) [[unlikely]] {
                serial_.put(soc_.serial_source_data); // taken at the next rising edge
            }
            if (soc_.serial_starved) [[unlikely]] {
                feed();
                if (stop_requested) {
                    return;
                }
            }
        }
    }

    void feed()
    {
        command_start_ = cycles_;
        const bool there = options_.free_running ? serial_.available() : serial_.wait_for_input();
        if (there) {
            soc_.serial_sink_data = serial_.get();
            soc_.serial_sink_valid = 1; // the FIFO is empty, so it takes it at the next rising edge
        }
    }

    Vsoc &soc_;
    SerialPty &serial_;
    const Options &options_;
    volatile uint64_t *const told_;
    CfuClock<Vsoc> cfu_clock_;
    uint64_t cycles_ = 0;
    uint64_t command_start_ = 0;
    uint64_t cfu_wait_cycles_ = 0;
};

} // namespace

int main(int argc, char **argv)
{
    const Options options = options_from(argc, argv);
    handle_signals();
    end_with_parent(options.parent);
    volatile uint64_t *const told =
        options.cycles_fd == 0 ? nullptr : shared_number(static_cast<int>(options.cycles_fd));
    SerialPty serial;
    VerilatedContext context;
    Vsoc soc(&context);
    if (options.link != nullptr) {
        unlink(options.link);
        if (symlink(serial.path().c_str(), options.link) != 0) {
            std::fprintf(stderr, "simulator: cannot make the link %s: %s\n", options.link,
                         std::strerror(errno));
            return exit_wrong_usage;
        }
    }
    std::printf("serial port: %s\n", serial.path().c_str());
    std::fflush(stdout);

    Simulation simulation(soc, serial, options, told);
    const int status = simulation.run();
    serial.flush();
    soc.final();
    if (status == exit_cycle_limit) {
        std::fprintf(stderr, "simulator: cycle limit reached\n");
    }
    if (status == exit_cfu_hangs) {
        std::fprintf(stderr, "simulator: the CFU %s for %" PRIu64 " cycles, at cycle %" PRIu64 "\n",
                     simulation.cfu_fault(), simulation.cfu_wait_cycles(), simulation.cycles());
    }
    std::printf("cycles: %" PRIu64 "\n", simulation.cycles());
    if (options.link != nullptr) {
        unlink(options.link);
    }
    return status;
}
