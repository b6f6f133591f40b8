"""Runs a CFU's Verilog in Verilator and its C emulation on the host, command by command."""

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.parameter import Parameter, Value
from hw_templates.cfu import Family, ReferenceModel
from runners.tools import run_tool

FOLDER = Path(__file__).parent
COMPILER = "clang++-14"


@dataclass(frozen=True, slots=True)
class Command:
    """One instruction."""

    funct3: int
    funct7: int = 0
    a: int = 0
    b: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulation answered and how long it took."""

    answers: list[int]
    cycles: int


class VerilatedRuntime:
    """Verilator's own library, compiled once for all models of a test run."""

    def __init__(self, folder: Path) -> None:
        root = subprocess.run(
            ["verilator", "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=True
        ).stdout.strip()
        self.include = Path(root) / "include"
        self.objects = []
        for name in ("verilated", "verilated_threads"):
            target = folder / f"{name}.o"
            self._compile("-c", self.include / f"{name}.cpp", "-o", target, folder=folder)
            self.objects.append(target)

    def _compile(self, *arguments: object, folder: Path) -> None:
        includes = [f"-I{self.include}", f"-I{self.include}/vltstd", f"-I{folder}"]
        run_tool(
            [COMPILER, "-O1", "-w", "-std=c++17", *includes, *map(str, arguments)],
            cwd=folder,
            log=folder / "compile.log",
            timeout_s=300,
        )

    def build(self, verilog: str, folder: Path) -> Path:
        """Return the bench around module Cfu of ``verilog``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Cfu.v").write_text(verilog)
        run_tool(
            [
                *("verilator", "--cc", "Cfu.v", "--top-module", "Cfu", "--Mdir", "."),
                *("-Wno-fatal", "-Wno-lint", "-Wno-style", "--x-initial", "unique"),
            ],
            cwd=folder,
            log=folder / "verilator.log",
            timeout_s=300,
        )
        unit = folder / "all.cpp"
        parts = sorted(folder.glob("VCfu*.cpp"))
        unit.write_text("".join(f'#include "{part.name}"\n' for part in parts))
        self._compile(
            *(unit, FOLDER / "bench.cpp", *self.objects),
            *("-latomic", "-lpthread", "-o", folder / "bench"),
            folder=folder,
        )
        return folder / "bench"


def simulate(
    bench: Path,
    commands: Sequence[Command],
    *,
    seed: int = 1,
    command_gap_percent: int = 0,
    answer_gap_percent: int = 0,
) -> Run:
    """Run commands from reset."""
    lines = [f"{seed} {command_gap_percent} {answer_gap_percent}"]
    lines += [f"{c.funct7 << 3 | c.funct3:x} {c.a:x} {c.b:x}" for c in commands]
    done = subprocess.run(
        [bench], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    *answers, last = done.stdout.splitlines()
    return Run([int(answer, 16) for answer in answers], int(last.split()[1]))


def expected(model: ReferenceModel, commands: Iterable[Command]) -> list[int]:
    """Return the model's answers."""
    return [model.op(c.funct3, c.funct7, c.a, c.b) for c in commands]


def designs(family: Family) -> list[dict[str, Value]]:
    """Return every legal combination of a family's parameters."""

    def combine(parameters: tuple[Parameter, ...]) -> list[dict[str, Value]]:
        if not parameters:
            return [{}]
        first, rest = parameters[0], combine(parameters[1:])
        return [{first.name: value, **others} for value in first.values for others in rest]

    return [
        values
        for values in combine(family.parameters)
        if all(
            rule.holds({name: values[name] for name in rule.parameters}) for rule in family.rules
        )
    ]


def name_of(values: Mapping[str, Value]) -> str:
    """Return a short name that is fit for a folder."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(map(str, values.values()))) or "only"
