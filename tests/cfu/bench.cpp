// Drives one module Cfu: reads commands from stdin, writes answers to stdout, both as text.
//
// First line: seed, percentage of cycles in which commands are held back, the same for answers.
// Then one command a line: function id, first operand, second operand, in hexadecimal.
// Ends with the answers, one a line, and the number of cycles. Exit code 2: the module hangs;
// 3: it broke the protocol.
//
// With CFU_CLK defined the module has a clock of its own, which is here slower or faster than the
// other one by any factor, and not in step with it.
#include <cstdint>
#include <cstdio>
#include <deque>
#include <random>

#include "VCfu.h"
#include "verilated.h"

// The clock of its own, in thousandths of a period of the other one.
class OwnClock {
public:
    OwnClock(VCfu &cfu, unsigned seed) : cfu_(cfu), half_period_(150 + seed * 7919u % 700u) {}

    // Lets half a period of the other clock pass.
    void pass()
    {
        for (now_ += 500; next_ < now_; next_ += half_period_) {
#ifdef CFU_CLK
            cfu_.cfu_clk = !cfu_.cfu_clk;
            cfu_.eval();
#endif
        }
    }

private:
    VCfu &cfu_;
    uint64_t half_period_, now_ = 0, next_ = 77;
};

int main()
{
    unsigned seed, command_gap, answer_gap;
    if (std::scanf("%u %u %u", &seed, &command_gap, &answer_gap) != 3)
        return 1;
    struct Command { uint32_t id, a, b; };
    std::deque<Command> commands;
    for (Command c; std::scanf("%x %x %x", &c.id, &c.a, &c.b) == 3;)
        commands.push_back(c);

    std::mt19937 random(seed);
    auto held_back = [&](unsigned percent) { return random() % 100 < percent; };
    VerilatedContext context;
    VCfu cfu(&context);
    OwnClock own_clock(cfu, seed);
    cfu.reset = 1;
    cfu.cmd_valid = cfu.rsp_ready = 0;
    for (int i = 0; i < 16; i++)
        own_clock.pass(), cfu.clk = i & 1, cfu.eval();
    cfu.reset = 0;

    size_t outstanding = 0, missing = commands.size();
    uint64_t cycles = 0, idle = 0;
    bool offered = false, answer_waits = false;
    uint32_t waiting_answer = 0;
    while (missing > 0) {
        offered = !commands.empty() && (offered || !held_back(command_gap));
        cfu.cmd_valid = offered;
        if (offered) {
            cfu.cmd_payload_function_id = commands.front().id;
            cfu.cmd_payload_inputs_0 = commands.front().a;
            cfu.cmd_payload_inputs_1 = commands.front().b;
        } else { // what is on the wires without a command must not matter
            cfu.cmd_payload_function_id = random() & 0x3ff;
            cfu.cmd_payload_inputs_0 = random();
            cfu.cmd_payload_inputs_1 = random();
        }
        cfu.rsp_ready = 0;
        own_clock.pass();
        cfu.clk = 0;
        cfu.eval();
        bool valid_without_ready = cfu.rsp_valid;
        cfu.rsp_ready = !held_back(answer_gap);
        cfu.eval();
        if (cfu.rsp_valid != valid_without_ready) {
            std::fprintf(stderr, "rsp_valid follows rsp_ready\n");
            return 3;
        }
        bool taken = cfu.cmd_valid && cfu.cmd_ready, answered = cfu.rsp_valid && cfu.rsp_ready;
        if (answer_waits && (!cfu.rsp_valid || cfu.rsp_payload_outputs_0 != waiting_answer)) {
            std::fprintf(stderr, "an answer changed before it was taken\n");
            return 3;
        }
        if ((cfu.rsp_valid && outstanding + cfu.cmd_valid == 0) ||
            (answered && outstanding + taken == 0)) {
            std::fprintf(stderr, "an answer without a command\n");
            return 3;
        }
        answer_waits = cfu.rsp_valid && !cfu.rsp_ready;
        waiting_answer = cfu.rsp_payload_outputs_0;
        if (answered) {
            std::printf("%08x\n", cfu.rsp_payload_outputs_0);
            missing--;
        }
        if (taken)
            commands.pop_front(), offered = false;
        outstanding += taken - answered;
        own_clock.pass();
        cfu.clk = 1;
        cfu.eval();
        cycles++;
        idle = taken || answered ? 0 : idle + 1;
        if (idle > 100000) {
            std::fprintf(stderr, "no command and no answer for 100000 cycles, %zu missing\n", missing);
            return 2;
        }
    }
    std::printf("cycles %llu\n", (unsigned long long)cycles);
}
