"""Print how many cycles a CPU-second simulates: ``python -m benchmarks.simulation``.

The work is a loop of int8 multiply-accumulates in the caches of the packaged core. CPU-seconds of
the simulator's process, start-up left out, the best of some runs: other load on the machine costs
up to a third.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Literal

from dse.output.report import table_text
from runners.boards import SimulatedBoard
from tests.soc.soc_bench import letters_folder, simulator

RUNS = 3
HEADER = ("memory", "Mcycle per CPU-s", "goal")
_NAMES = {"on-chip": "on-chip", "sdram": "SDR SDRAM, 8 KiB level-2 cache"}
GOAL: dict[Literal["on-chip", "sdram"], float] = {"on-chip": 3.5, "sdram": 1.8}


def cpu_s(pid: int) -> float:
    """Return the CPU-seconds that a running process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(memory: Literal["on-chip", "sdram"]) -> float:
    """Return the best Mcycle per CPU-second."""
    best = 0.0
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            board = SimulatedBoard(simulator(memory).program, letters_folder(memory, Path(folder)))
            board.send(b"h")
            board.receive_until(b"hello\r\n", timeout_s=60)
            before_s = cpu_s(board._process.pid)
            board.send(b"t" * 20)
            for _ in range(20):
                board.receive_until(b"\r\n", timeout_s=600)
            spent_s = cpu_s(board._process.pid) - before_s
            board.close()
            assert board.cycles is not None
            best = max(best, board.cycles / 1e6 / spent_s)
    return best


def rows() -> list[list[str]]:
    """Measure both memories."""
    return [[_NAMES[memory], f"{measure(memory):.2f}", str(goal)] for memory, goal in GOAL.items()]


def main() -> None:
    """Measure both memories and print."""
    sys.stdout.write(table_text(list(HEADER), rows()) + "\n")


if __name__ == "__main__":
    main()
