// A CFU's own Verilog in the place of its C emulation: the kernels of a host firmware reach it.
//
// An instruction costs a few evaluations of the CFU alone and no core, so an inference takes a part
// of what it does on the simulated SoC. Between two instructions the core may do other things for any
// number of cycles; here it is none, or a few, by a fixed pattern.

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vcfu.h"
#include "cfu_clock.h"
#include "verilated.h"

namespace {

constexpr int exit_cfu_hangs = 4;
constexpr size_t most_kept = 4096;
constexpr uint64_t cfu_wait_limit = 1'000'000; // as on the simulated SoC

class OnHost {
public:
    OnHost() : cfu_(&context_)
    {
        cfu_.cmd_valid = 0;
        cfu_.rsp_ready = 1;
        cfu_.reset = 1;
        settle();
        rise();
        settle();
        rise();
        cfu_.reset = 0;
    }

    ~OnHost()
    {
        cfu_.final();
        if (std::FILE *sink = std::fopen("cfu_cycles", "w")) {
            std::fprintf(sink, "%" PRIu64 "\n", cycles_);
            std::fclose(sink);
        }
        if (std::FILE *sink = std::fopen("cfu_commands", "w")) {
            for (const Command &each : kept_)
                std::fprintf(sink, "%" PRIx32 " %" PRIx32 " %" PRIx32 "\n", each.id, each.a, each.b);
            std::fclose(sink);
        }
    }

    uint32_t op(uint32_t function_id, uint32_t a, uint32_t b)
    {
        if (kept_.size() < most_kept) {
            kept_.push_back({function_id, a, b});
        }
        pattern_ = pattern_ * 1664525u + 1013904223u;
        if (pattern_ >> 28 == 0) { // one instruction in 16 comes later
            for (uint32_t left = 1 + (pattern_ >> 25 & 7); left > 0; left--) {
                settle();
                rise();
            }
        }
        cfu_.cmd_payload_function_id = function_id;
        cfu_.cmd_payload_inputs_0 = a;
        cfu_.cmd_payload_inputs_1 = b;
        cfu_.cmd_valid = 1;
        settle();
        for (uint64_t waited = 0; !cfu_.cmd_ready; settle()) {
            end_if_too_long(++waited, "does not take a command (cmd_ready stays low)");
            rise();
        }
        bool has_answer = cfu_.rsp_valid;
        uint32_t answer = cfu_.rsp_payload_outputs_0;
        rise();
        cfu_.cmd_valid = 0;
        for (uint64_t waited = 0; !has_answer; rise()) {
            end_if_too_long(++waited, "does not answer a command (rsp_valid stays low)");
            settle();
            has_answer = cfu_.rsp_valid;
            answer = cfu_.rsp_payload_outputs_0;
        }
        return answer;
    }

private:
    // Lets the clock fall, which nothing waits for, and the outputs follow the inputs. Called once
    // before each rise.
    void settle()
    {
        cfu_.clk = 0;
        cfu_clock_.fall(cfu_);
        cfu_.eval();
        cfu_clock_.run_between(cfu_);
    }

    void rise()
    {
        cfu_.clk = 1;
        cfu_clock_.rise_with(cfu_);
        cfu_.eval();
        ++cycles_;
    }

    void end_if_too_long(uint64_t waited, const char *what)
    {
        if (waited < cfu_wait_limit) [[likely]] {
            return;
        }
        std::fprintf(stderr, "the CFU %s for %" PRIu64 " cycles\n", what, waited);
        std::_Exit(exit_cfu_hangs);
    }

    struct Command { uint32_t id, a, b; };
    std::vector<Command> kept_;
    VerilatedContext context_;
    Vcfu cfu_;
    CfuClock<Vcfu> cfu_clock_;
    uint64_t cycles_ = 0;
    uint32_t pattern_ = 1;
};

} // namespace

extern "C" uint32_t cfu_emulate(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b)
{
    static OnHost cfu;

    return cfu.op((funct7 & 127) << 3 | (funct3 & 7), a, b);
}
