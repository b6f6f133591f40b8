"""``python -m tests.cpu.measure_cfu_cycles`` prints what a CFU operation costs.

Each figure is the cycles of one group of instructions, out of 32 in a row in a warm cache.
"""

import sys
import tempfile
from pathlib import Path

from hw_templates.cpu import CpuConfig
from tests.cpu.core_bench import (
    Simulators,
    assemble,
    design,
    generate_cores,
    generator_jars,
    simulate,
)
from tests.cpu.random_programs import DATA_ORIGIN, STOP, cfu

GROUPS = 32
_RESULT = DATA_ORIGIN + 0x2000
_ROTATING = (8, 9, 10, 11, 12, 13, 14, 15)


def _loads(count: int) -> list[str]:
    return [f"lw x{_ROTATING[n]}, {4 * n}(x20)" for n in range(count)]


PATTERNS: dict[str, list[str]] = {
    "operation, independent": [cfu(0, 0, 8, 5, 6)],
    "operation on the last one's result": [cfu(0, 0, 5, 5, 6)],
    "operation, then add of its result": [cfu(0, 0, 5, 6, 7), "add x6, x5, x7"],
    "load, load, operation on both": [*_loads(2), cfu(1, 0, 5, 8, 9)],
    "4 loads, then 2 operations": [*_loads(4), cfu(1, 0, 5, 8, 9), cfu(1, 0, 5, 10, 11)],
    "8 loads, then 4 operations": [
        *_loads(8),
        *(cfu(1, 0, 5, _ROTATING[2 * n], _ROTATING[2 * n + 1]) for n in range(4)),
    ],
    "load, operation on other registers": ["lw x8, 0(x20)", cfu(0, 0, 5, 6, 7)],
    "operation, store of its result": [cfu(0, 0, 5, 6, 7), "sw x5, 64(x20)"],
    "multiply, operation on the product": ["mul x5, x6, x7", cfu(0, 0, 8, 5, 6)],
}
MODES = ("same cycle", "next cycle")
CORES = {
    "4+4 KiB": design(),
    "4+4 KiB, no bypass": design(bypass=False),
    "4+0 KiB": design(dcache_bytes=0),
}


def program(group: list[str]) -> str:
    """Return a program that leaves the cycles of ``GROUPS`` groups after its second round."""
    timed = [line for _ in range(GROUPS) for line in group]
    return "\n".join(
        [
            ".globl _start",
            "_start:",
            f"li x20, {DATA_ORIGIN}",
            "li x21, 2",
            "round:",
            "csrr x30, mcycle",
            *timed,
            "csrr x31, mcycle",
            "sub x31, x31, x30",
            "addi x21, x21, -1",
            "bnez x21, round",
            f"li x22, {_RESULT}",
            "sw x31, 0(x22)",
            STOP,
        ]
    )


def table(jars: Path, folder: Path) -> str:
    """Measure all patterns on all cores; return a Markdown table."""
    configs = {name: CpuConfig.from_values(values) for name, values in CORES.items()}
    cores = generate_cores(jars, configs, folder / "cores")
    simulators = Simulators(folder)
    built = [simulators.build(f"model{n}", path) for n, path in enumerate(cores.values())]
    columns = [(simulator, mode) for simulator in built for mode in MODES]
    titles = [f"{core}, {mode}" for core in cores for mode in MODES]
    rows = [["group", *titles], ["---"] * (len(titles) + 1)]
    for name, group in PATTERNS.items():
        figures = [cycles(group, simulator, mode, folder) for simulator, mode in columns]
        rows.append([name, *(f"{figure:.1f}" for figure in figures)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cycles(group: list[str], simulator: Path, mode: str, folder: Path) -> float:
    """Return the cycles of one group; ``mode`` is one of ``CFU_MODES``."""
    spent, idle = (
        simulate(simulator, assemble(program(timed), folder), folder, cfu=mode)
        for timed in (group, [])
    )
    return (spent.memory[_RESULT // 4] - idle.memory[_RESULT // 4]) / GROUPS


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.stdout.write(table(generator_jars(), Path(scratch)))
