"""Print what an SDRAM access costs on the simulated board, and what the chip's data sheet promises.

``python -m benchmarks.sdram``: cycles of a line fill of the data cache, without a second level,
from a row that is open and from one that is not. From the data sheet, through LiteDRAM's timing
settings, follows that the second costs a precharge and an activation more, and that no line comes
in fewer cycles than the read latency and one 16-bit word a cycle.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from litedram.modules import MT48LC16M16

from dse.output.report import table_text
from hw_templates.soc.config import SocConfig
from runners.boards import SimulatedBoard
from tests.soc.soc_bench import built, compiled

LINE_BYTES = 32  # of the packaged core that runs here
FILLS = 32
BANKS = 4
CLOCKS_HZ = (50_000_000, 75_000_000, 100_000_000)
HEADER = (
    *("clock, MHz", "open row, cycles", "least possible", "other row, cycles", "more"),
    "promised (tRP + tRCD)",
)
SOURCE = Path(__file__).parent / "latency.c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Cycles of one line fill."""

    open_row: float
    other_row: float


def measure(clock_hz: int) -> Figures:
    """Run the program on a SoC of that clock."""
    config = SocConfig(
        with_cfu=True, memory="sdram", main_ram_bytes=4 << 20, l2_bytes=0, clock_hz=clock_hz
    )
    simulator = built(config)
    columns = 1 << MT48LC16M16(clock_hz, "1:1").geom_settings.colbits
    program = compiled(
        SOURCE,
        simulator.soc_json,
        f"-DLINE_BYTES={LINE_BYTES}u",
        f"-DROW_BYTES={2 * columns * BANKS}u",
    )
    with tempfile.TemporaryDirectory() as folder:
        run = simulator.prepare(program, Path(folder))
        board = SimulatedBoard(simulator.program, run)
        board.send(b"r")
        answer = board.receive_until(b"\r\n", timeout_s=300)
        board.close()
    loop, same, other = (int(text, 16) for text in answer.split())
    # fills(0, n) hits the cache: its cost is the loop's, n - 1 times
    per_loop = loop / (FILLS - 1)
    return Figures(open_row=same / FILLS - per_loop, other_row=other / FILLS - per_loop)


def row_of(clock_hz: int) -> list[str]:
    """Return what ``HEADER`` names, at a clock."""
    timing = MT48LC16M16(clock_hz, "1:1").timing_settings
    found = measure(clock_hz)
    latency = 3 if clock_hz > 100e6 else 2
    return [
        f"{clock_hz / 1e6:.0f}",
        f"{found.open_row:.1f}",
        str(latency + 1 + LINE_BYTES // 2),
        f"{found.other_row:.1f}",
        f"{found.other_row - found.open_row:.1f}",
        str(timing.tRP + timing.tRCD),
    ]


def rows() -> list[list[str]]:
    """Measure at each clock."""
    return [row_of(clock_hz) for clock_hz in CLOCKS_HZ]


def main() -> None:
    """Measure and print a row for each clock."""
    sys.stdout.write(table_text(list(HEADER), rows(), left=0) + "\n")


if __name__ == "__main__":
    main()
