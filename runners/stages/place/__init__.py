"""Place and route: the stage, its netlist, its report, and how a clock is settled."""
