"""Leaving room for a generated CPU and a CFU in LiteX's SoC. Needs LiteX; see ``generate``."""

from pathlib import Path
from typing import Any

from litex.soc.integration.soc_core import SoCCore
from migen import ClockSignal

CPU_FILE = "VexRiscv.v"

REGISTER_PAGES = {"ctrl": 0, "uart": 1, "timer0": 2, "sdram": 3}
"""Where the peripherals' registers lie: the same in the simulated SoC and in the board's, so that
both run the very same firmware."""


def cpu_arguments(with_cfu: bool) -> dict[str, Any]:
    """Return the arguments of ``SoCCore`` that give a CPU with or without a CFU port.

    LiteX wires a CFU only when the variant's name has "cfu" in it, and wants an existing file for
    it; neither the packaged core nor that file ends up in the SoC, see ``add_cpu_slot``.
    """
    if with_cfu:
        return {"cpu_type": "vexriscv", "cpu_variant": "full+cfu", "cpu_cfu": str(Path(__file__))}
    return {"cpu_type": "vexriscv", "cpu_variant": "full"}


def add_cpu_slot(soc: SoCCore) -> None:
    """Make the CPU an instance of a module ``VexRiscv`` that somebody else brings.

    LiteX derives cache facts from its own variant's name; they would be wrong for a generated
    core, so they are removed: the firmware takes them from the CPU's configuration.
    """
    soc.cpu.use_external_variant(CPU_FILE)
    for fact in ("CPU_HAS_ICACHE", "CPU_HAS_DCACHE"):
        for table in (soc.constants, soc.config):
            table.pop(fact, None)
            table.pop(f"CONFIG_{fact}", None)


def give_cfu_clock(soc: SoCCore) -> None:
    """Clock the CFU's port ``cfu_clk`` by the clock domain ``cfu``."""
    soc.cpu.cfu_params["i_cfu_clk"] = ClockSignal("cfu")
