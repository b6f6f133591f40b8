"""``python -m hw_templates.soc.litex_target TARGET CLOCK_HZ CPU.v CFU.v OUT``: a vendor's project.

For boards whose bitstreams need a vendor's tool: LiteX's own target of the board, from the optional
package litex-boards, with a generated CPU and a CFU in place of LiteX's. Writes the project into
``OUT/gateware`` and does not run the vendor's tool.

A process of its own because LiteX changes folder and keeps global state.
"""

import importlib
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw_templates.soc.fpga_boards import FPGA_BOARDS, LitexTarget

PROJECT = "board"
"""Name that all files of a project begin with."""


LITEX_TARGETS: Mapping[str, LitexTarget] = {
    each.name: each for board in FPGA_BOARDS.values() for each in board.litex
}
"""By name; they stand in the files of their boards."""


def write_project(name: str, *, clock_hz: int, cpu: Path, cfu: Path, out: Path) -> None:
    """Write the vendor's project of a board and the boot program in its ROM."""
    # Imported here: LiteX starts its global state.
    from litex.soc.integration.builder import Builder

    target = LITEX_TARGETS[name]
    module = importlib.import_module(f"litex_boards.targets.{target.module}")
    soc = module.BaseSoC(
        sys_clk_freq=clock_hz,
        cpu_type="vexriscv",
        cpu_variant="full+cfu",
        cpu_cfu=str(cfu.resolve()),
        integrated_rom_size=128 << 10,  # what LiteX gives its BIOS on a large FPGA
        **({"variant": target.variant} if target.variant else {}),
    )
    soc.cpu.use_external_variant(str(cpu.resolve()))
    builder = Builder(soc, output_dir=str(out.resolve()))
    builder.build(build_name=PROJECT, run=False)


def main(arguments: Sequence[str]) -> int:
    """Run the command; 2 when it is called wrongly."""
    if len(arguments) != 5 or arguments[0] not in LITEX_TARGETS:
        names = "|".join(LITEX_TARGETS)
        sys.stderr.write(f"usage: litex_target {names} CLOCK_HZ CPU.v CFU.v OUT\n")
        return 2
    logging.disable(logging.WARNING)
    name, clock_hz, cpu, cfu, out = arguments
    write_project(name, clock_hz=int(clock_hz), cpu=Path(cpu), cfu=Path(cfu), out=Path(out))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
