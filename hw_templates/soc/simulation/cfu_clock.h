// The clock of a CFU that has one of its own: CFU_CYCLES periods in CFU_CYCLES_IN of the SoC's.
//
// Both come from one PLL, so both begin with a rising edge at the same time. Without these macros the
// model has no such clock, and all of it is nothing.

#pragma once

#ifdef CFU_CYCLES

template <class Model> class CfuClock {
public:
    // Called where the SoC's clock rises, before the model is evaluated.
    void rise_with(Model &model)
    {
        if (next_ == 0) {
            model.cfu_clk = 1;
            next_ = period;
        }
    }

    // Called before the model is evaluated with a low clock of the SoC.
    void fall(Model &model) { model.cfu_clk = 0; }

    // Runs the periods that begin before the SoC's clock rises again.
    void run_between(Model &model)
    {
        for (; next_ < cycle; next_ += period) {
            model.cfu_clk = 1;
            model.eval();
            model.cfu_clk = 0;
            model.eval();
        }
        next_ -= cycle;
    }

private:
    // In units that both periods are whole multiples of.
    static constexpr unsigned period = CFU_CYCLES_IN, cycle = CFU_CYCLES;

    unsigned next_ = 0; // edge, behind the last rising edge of the SoC's clock
};

#else

template <class Model> class CfuClock {
public:
    void rise_with(Model &) {}
    void fall(Model &) {}
    void run_between(Model &) {}
};

#endif
