"""Runs a CFU's Verilog in Verilator and its C emulation on the host, command by command."""

import random
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from contracts.kernel_headers import KernelHeaders
from contracts.network import Network
from contracts.parameter import Value
from hw_templates.cfu import Family, ReferenceModel
from hw_templates.cfu.family import OWN_CLOCK
from runners.tools import newest_clang, run_tool
from sw_templates.build import riscv_cpp_commands
from sw_templates.generate import c_environment
from sw_templates.operator_set import OperatorSet, find_operators
from sw_templates.options import KERNELS_FOLDER, FirmwareOptions
from sw_templates.tflm import write_kernels
from tests.objects import compile_once

FOLDER = Path(__file__).parent


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
    """Verilator's own library, compiled for the first model of a test run and used for all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        root = subprocess.run(
            ["verilator", "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=True
        ).stdout.strip()
        self.include = Path(root) / "include"

    @cached_property
    def objects(self) -> list[Path]:
        """The library's object files."""
        made = []
        for name in ("verilated", "verilated_threads"):
            made.append(self._folder / f"{name}.o")
            self._compile("-c", self.include / f"{name}.cpp", "-o", made[-1], folder=self._folder)
        return made

    def _compile(self, *arguments: object, folder: Path, optimisation: str = "-O1") -> None:
        includes = [f"-I{self.include}", f"-I{self.include}/vltstd", f"-I{folder}"]
        run_tool(
            [newest_clang(), optimisation, "-w", "-std=c++17", *includes, *map(str, arguments)],
            cwd=folder,
            log=folder / "compile.log",
            timeout_s=300,
        )

    def build(self, verilog: str, folder: Path, *, optimisation: str = "-O1") -> Path:
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
        own_clock = ["-DCFU_CLK"] if f"input {OWN_CLOCK}" in verilog else []
        self._compile(
            *(unit, FOLDER / "bench.cpp", *self.objects, *own_clock),
            *("-latomic", "-lpthread", "-o", folder / "bench"),
            folder=folder,
            optimisation=optimisation,
        )
        return folder / "bench"


def read_commands(path: str) -> list[Command]:
    """Return the commands that a program with a CFU on the host left in a file."""
    rows = [
        [int(word, 16) for word in line.split()] for line in Path(path).read_text().splitlines()
    ]
    return [Command(funct3=i & 7, funct7=i >> 3, a=a, b=b) for i, a, b in rows]


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


def render_kernels(family: Family, values: Mapping[str, Value], out: Path) -> list[str]:
    """Write a family's C and the headers it relies on; return the names of its ``.c`` files."""
    assert family.kernels is not None
    folders = [family.kernels.folder, KERNELS_FOLDER]
    environment = c_environment(folders)
    operators = find_operators()
    variables = {
        "operators": operators.layers,
        "unroll": 4,
        **_of_operators(operators),
        "weight_row_align_bytes": family.kernels.weight_row_align_bytes(values),
        "scratch_rows": max(operators.scratch_rows, family.kernels.scratch_rows(values)),
        **family.kernels.variables(values),
    }
    if family.compiler is not None:
        variables |= family.compiler.compile(values, Network()).variables
    out.mkdir(parents=True, exist_ok=True)
    own = [path.relative_to(folders[0]).as_posix() for path in folders[0].rglob("*.j2")]
    names = sorted({*own, *(path.name for path in KERNELS_FOLDER.glob("*.h.j2"))})
    for name in names:
        (out / name.removesuffix(".j2")).write_text(
            environment.get_template(name).render(variables)
        )
    for bench in ("kernel_bench.c", "emulation_bench.c"):
        text = environment.from_string((FOLDER / bench).read_text()).render(variables)
        (out / bench).write_text(text)
    return [name.removesuffix(".j2") for name in names if name.endswith(".c.j2")]


def _of_operators(operators: OperatorSet) -> dict[str, object]:
    """Return what the operators' own templates need, for loops that are unrolled four times."""
    return {
        name: value
        for operator in operators.layers
        for name, value in operator.template_variables(unroll=4).items()
    }


def compile_headers(headers: KernelHeaders, out: Path, *, march: str) -> None:
    """Compile every kernel header of a family, and the C++ beside it, for a core."""
    operators = find_operators()
    variables = {
        "operators": operators.layers,
        "unroll": 4,
        **_of_operators(operators),
        "weight_row_align_bytes": 4,
        "scratch_rows": 1,
    }
    text = c_environment([KERNELS_FOLDER]).get_template("layers.h.j2").render(variables)
    (out / "layers.h").write_text(text)
    text = c_environment([KERNELS_FOLDER]).get_template("cfu.h.j2").render()
    (out / "cfu.h").write_text(text)
    adopted = write_kernels(headers, layers=(), used=headers.headers, out=out)
    flags = (f"-march={march}", "-misa-spec=2.2", "-mabi=ilp32")
    for command in riscv_cpp_commands(adopted, options=FirmwareOptions(), cpu_flags=flags):
        run_tool(command, cwd=out, log=out / "g++.log", timeout_s=120)


def compile_host(sources: Sequence[str], folder: Path, program: str) -> Path:
    """Compile C sources as strictly as a firmware, with sanitisers; return the program."""
    checks = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    warnings = ("-Wall", "-Wextra", "-Werror")
    command = ["cc", "-O1", "-std=gnu11", "-fwrapv", *checks, *warnings, *sources, "-o", program]
    compile_once(command, folder, log=folder / "cc.log", timeout_s=120)
    return folder / program


def emulate(program: Path, commands: Sequence[Command]) -> list[int]:
    """Run commands through ``emulation_bench.c``."""
    text = "".join(f"{c.funct7 << 3 | c.funct3:x} {c.a:x} {c.b:x}\n" for c in commands)
    done = subprocess.run(
        [program], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    return [int(answer, 16) for answer in done.stdout.split()]


def random_commands(rng: random.Random, count: int) -> list[Command]:
    """Return arbitrary instructions, among them many with small or extreme operands."""

    def operand() -> int:
        kind = rng.random()
        if kind < 0.2:
            return rng.choice((0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x4000_0000))
        return rng.randrange(20) if kind < 0.5 else rng.getrandbits(32)

    return [
        Command(
            rng.randrange(8),
            rng.randrange(4) if rng.random() < 0.7 else rng.randrange(128),
            operand(),
            operand(),
        )
        for _ in range(count)
    ]


def expected(model: ReferenceModel, commands: Iterable[Command]) -> list[int]:
    """Return the model's answers."""
    return [model.op(c.funct3, c.funct7, c.a, c.b) for c in commands]


def designs(family: Family) -> list[dict[str, Value]]:
    """Return every legal combination of a family's parameters; not to be changed."""
    if id(family) not in _DESIGNS:
        _DESIGNS[id(family)] = family, _legal(family)
    return _DESIGNS[id(family)][1]


_DESIGNS: dict[int, tuple[Family, list[dict[str, Value]]]] = {}
"""By identity, with the family, so that its number is given to no other one."""


def _legal(family: Family) -> list[dict[str, Value]]:
    """Decide each rule as soon as its parameters have values: most combinations are never made."""
    found: list[dict[str, Value]] = [{}]
    for parameter in family.parameters:
        found = [{**known, parameter.name: v} for known in found for v in parameter.values]
        names = found[0].keys() if found else ()
        rules = [
            rule
            for rule in family.rules
            if parameter.name in rule.parameters and set(rule.parameters) <= set(names)
        ]
        found = [
            values
            for values in found
            if all(rule.holds({name: values[name] for name in rule.parameters}) for rule in rules)
        ]
    return found


def name_of(values: Mapping[str, Value]) -> str:
    """Return a short name that is fit for a folder."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(map(str, values.values()))) or "only"
