"""Generates cores, builds a simulator of each, assembles programs and runs them."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.parameter import Value
from hw_templates.cpu import CpuConfig, generator_batch_command, options_text
from runners.job import Job, Target, Workload
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import STAGES
from runners.tools import newest_clang, run_tool
from tests.fast_design import CPU

BENCH = Path(__file__).parent / "bench"
CFU_MODES = {"same cycle": 0, "next cycle": 1, "five cycles": 2, "any time": 3}
DEFAULTS: Mapping[str, Value] = {**CPU, "cfu": "simd"}


def design(**changes: Value) -> dict[str, Value]:
    """Return the middle of the space, changed; what needs a cache goes with it."""
    values = {**DEFAULTS, **changes}
    if values["icache_bytes"] == 0:
        del values["branch_stage"], values["relaxed_fetch"]
    for prefix in ("icache", "dcache"):
        if values[f"{prefix}_bytes"] == 0:
            del values[f"{prefix}_ways"], values[f"{prefix}_line_bytes"]
    return values


def generator_jars() -> Path:
    """Return the compiled generator, from the cache that trials use."""
    job = Job(
        design={},
        target=Target(name="", part="", clock_hz=1_000_000),
        workload=Workload(model=Path(), model_sha256=""),
    )
    stages = dict(STAGES)
    pipeline = Pipeline(job, stages=stages, cache=Cache(default_root()), report=lambda _: None)
    return pipeline.get("cpu-generator").folder


def generate_cores(jars: Path, configs: Mapping[str, CpuConfig], out: Path) -> dict[str, Path]:
    """Generate ``VexRiscv.v`` for each name in one Java machine; return where."""
    pairs = []
    for name, config in configs.items():
        folder = out / name
        folder.mkdir(parents=True)
        (folder / "core.properties").write_text(options_text(config))
        pairs.append((folder / "core.properties", folder))
    command = generator_batch_command(jars, pairs)
    run_tool(command, cwd=out, log=out / "generator.log", timeout_s=600)
    return {name: out / name / "VexRiscv.v" for name in configs}


@dataclass(frozen=True)
class Run:
    """What a simulation left: all words of the memory, and the cycles it took."""

    memory: list[int]
    cycles: int


class Simulators:
    """Builds simulators below one folder; Verilator's own objects are compiled once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        root = subprocess.run(
            ["verilator", "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=True
        ).stdout.strip()
        include = Path(root) / "include"
        self._compile = [newest_clang(), "-O1", f"-I{include}", f"-I{include / 'vltstd'}"]
        self._objects = []
        for source in ("verilated.cpp", "verilated_threads.cpp"):
            target = folder / f"{source}.o"
            self._run([*self._compile, "-c", str(include / source), "-o", str(target)])
            self._objects.append(str(target))

    def build(self, name: str, core: Path, *, with_cfu: bool = True) -> Path:
        """Return the simulator of the bench around ``core``."""
        model = self._folder / name
        model.mkdir()
        options = ["-Wno-fatal", "-Wno-WIDTH", "--x-initial", "unique", "-O3"]
        options += ["-DWITH_CFU"] if with_cfu else []
        sources = [str(BENCH / "bench.v"), str(core)]
        self._run(
            ["verilator", "--cc", *options, "--top-module", "Bench", "--Mdir", str(model), *sources]
        )
        unit = model / "all.cpp"
        parts = [*sorted(model.glob("VBench*.cpp")), BENCH / "bench.cpp"]
        unit.write_text("".join(f'#include "{part}"\n' for part in parts))
        link = [*self._objects, "-lpthread", "-latomic", "-o", str(model / "bench")]
        self._run([*self._compile, f"-I{model}", str(unit), *link])
        return model / "bench"

    def _run(self, command: Sequence[str]) -> None:
        run_tool(command, cwd=self._folder, log=self._folder / "build.log", timeout_s=300)


def assemble(text: str, folder: Path, *, march: str = "rv32im") -> list[int]:
    """Return the words of a program that starts at address 0."""
    source, elf, binary = folder / "program.S", folder / "program.elf", folder / "program.bin"
    source.write_text(text)
    flags = [f"-march={march}", "-misa-spec=2.2", "-mabi=ilp32", "-nostdlib", "-Wl,-Ttext=0"]
    gcc = ["riscv64-unknown-elf-gcc", *flags, "-Wl,--no-relax", str(source), "-o", str(elf)]
    copy = ["riscv64-unknown-elf-objcopy", "-O", "binary", str(elf), str(binary)]
    for command in (gcc, copy):
        run_tool(command, cwd=folder, log=folder / "assemble.log", timeout_s=60)
    content = binary.read_bytes()
    content += bytes(-len(content) % 4)
    return [int.from_bytes(content[at : at + 4], "little") for at in range(0, len(content), 4)]


def simulate(
    simulator: Path,
    words: Sequence[int],
    folder: Path,
    *,
    cfu: str = "same cycle",
    slow_memory: bool = False,
    interrupts: bool = False,
    seed: int = 1,
    max_cycles: int = 2_000_000,
) -> Run:
    """Run a program until it stops; ``cfu`` is one of ``CFU_MODES``.

    Raises:
        subprocess.CalledProcessError: It did not stop.
    """
    image, dump = folder / "program.hex", folder / "dump.hex"
    padded = [*words, *([0] * (16384 - len(words)))]
    image.write_text("".join(f"{word:08x}\n" for word in padded))
    arguments = [CFU_MODES[cfu], int(slow_memory), int(interrupts), seed, max_cycles]
    command = [str(simulator), *map(str, arguments), f"+program={image}", f"+dump={dump}"]
    command += ["+verilator+rand+reset+2", f"+verilator+seed+{seed + 1}"]  # as registers wake up
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    memory = [int(word, 16) for word in dump.read_text().split() if word[0] not in "@/"]
    return Run(memory=memory, cycles=int(done.stdout.split()[-1]))
