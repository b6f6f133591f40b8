"""``python -m benchmarks.results vivado``: cells of an Artix-7 by yosys beside Vivado's.

The cores are VexRiscv's own demonstrations, built from the same Scala sources as ours and each
synthesised alone as its README says. There are no further published figures of hardware that can be
built here: those of whole SoCs have Xilinx' DDR3 controller in them, or come without sources.
"""

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_templates import cpu
from runners.fpga.xilinx7 import XILINX7
from runners.stages.synthesis import NETLIST, read_cost, synthesise
from runners.tools import run_tool

HEADER = (
    "VexRiscv core",
    "LUT, Vivado",
    "`lut6`",
    "more",
    "`lut6`, paired",
    "FF, Vivado",
    "`ff`",
    "more FF",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A core of VexRiscv's README (Charles Papon, at its commit 00534dc).

    Attributes:
        demo: Object of ``vexriscv.demo`` that makes it.
        name: As the README has it.
        luts: Look-up tables that Vivado reported on an Artix-7.
        ffs: Flip-flops.
    """

    demo: str
    name: str
    luts: int
    ffs: int


CORES = (
    Core(demo="GenSmallestNoCsr", name="small, no interrupt", luts=504, ffs=505),
    Core(demo="GenSmallest", name="small", luts=556, ffs=566),
    Core(demo="GenSmallAndProductive", name="small and productive", luts=816, ffs=534),
    Core(demo="GenSmallAndProductiveICache", name="the same with I$", luts=730, ffs=570),
    Core(demo="GenFullNoMmuNoCache", name="full no cache", luts=1418, ffs=949),
    Core(demo="GenFullNoMmu", name="full", luts=1840, ffs=1158),
    Core(demo="GenFullNoMmuMaxPerf", name="full max perf", luts=1935, ffs=1216),
    Core(demo="GenFull", name="full with MMU", luts=2021, ffs=1541),
)
_SCALA = Path(__file__).parent / "vexriscv_demos"
_MOST_READERS = 200
"""A signal that so many look-up tables read says nothing of which belong together."""


def rows() -> list[list[str]]:
    """Build the cores, which takes some minutes, and synthesise each."""
    with tempfile.TemporaryDirectory(prefix="dse-vexriscv-") as temporary:
        folder = Path(temporary)
        verilog = _generate(folder)
        return [_row(core, verilog, folder / core.demo) for core in CORES]


def _row(core: Core, verilog: Path, out: Path) -> list[str]:
    out.mkdir()
    synthesise(
        [verilog / f"{core.demo}.v"],
        family=XILINX7,
        top=core.demo,
        black_boxes=(),
        out=out,
        timeout_s=1800,
    )
    cost = read_cost(out)
    module = json.loads((out / NETLIST).read_text())["modules"][core.demo]
    paired = cost["lut6"] - pairs(inputs_of_luts(module))
    return [
        core.name,
        f"{core.luts:,}",
        f"{cost['lut6']:,}",
        f"{100 * cost['lut6'] / core.luts - 100:+.0f} %",
        f"{paired:,}",
        f"{core.ffs:,}",
        f"{cost['ff']:,}",
        f"{100 * cost['ff'] / core.ffs - 100:+.0f} %",
    ]


def inputs_of_luts(module: Mapping[str, Any]) -> list[frozenset[int]]:
    """Return the signals that each look-up table of a netlist of yosys reads, constants left out.

    Args:
        module: Of its JSON, for Xilinx' 7 series.
    """
    return [
        frozenset(
            bit
            for port, bits in cell["connections"].items()
            if port != "O"
            for bit in bits
            if isinstance(bit, int)
        )
        for cell in module["cells"].values()
        if cell["type"] == "INV" or cell["type"].startswith("LUT")
    ]


def pairs(tables: Sequence[frozenset[int]]) -> int:
    """Return how many pairs of look-up tables find room in one of six inputs and two outputs.

    UG474: two of up to five inputs may share one, where they have no more than five between them.
    Only those are paired that have a signal in common, the most alike first; a packer is free to
    pair others, and need not pair these.

    Args:
        tables: The signals that each reads.
    """
    readers: dict[int, list[int]] = defaultdict(list)
    small = [at for at, inputs in enumerate(tables) if len(inputs) <= 5]
    for at in small:
        for bit in tables[at]:
            readers[bit].append(at)
    taken: set[int] = set()
    count = 0
    for at in sorted(small, key=lambda each: -len(tables[each])):
        if at in taken:
            continue
        fitting = [
            other
            for bit in sorted(tables[at])
            if len(readers[bit]) <= _MOST_READERS
            for other in readers[bit]
            if other != at and other not in taken and len(tables[at] | tables[other]) <= 5
        ]
        if fitting:
            taken |= {at, max(fitting, key=lambda each: len(tables[at] & tables[each]))}
            count += 1
    return count


def _generate(folder: Path) -> Path:
    """Return a folder with the Verilog of each core, made below ``folder``."""
    project, out = folder / "project", folder / "verilog"
    out.mkdir()
    cpu.copy_project(project)
    scala = project / "scala"
    shutil.rmtree(scala)
    shutil.copytree(_SCALA, scala / "softsoc")
    pom = (project / "pom.xml").read_text(encoding="utf-8")
    stub, demos = (
        "".join(f"            <include>vexriscv/demo/{name}.scala</include>\n" for name in names)
        for names in (("DecoderBenchStub",), [core.demo for core in CORES])
    )
    if stub not in pom:
        raise ValueError("pom.xml of the CPU's generator has changed: adapt benchmarks.vivado")
    pom = pom.replace(stub, demos)
    (project / "pom.xml").write_text(pom, encoding="utf-8")
    run_tool(
        cpu.maven_command(project, offline=True),
        cwd=project,
        log=folder / "maven.log",
        timeout_s=1800,
    )
    jars = project / "target"
    run_tool(
        ["java", "-Xss8m", "-cp", f"{jars / 'cores.jar'}:{jars / 'lib'}/*",
         "softsoc.GenerateDemos", str(out)],
        cwd=folder,
        log=folder / "generator.log",
        timeout_s=600,
    )  # fmt: skip
    return out
