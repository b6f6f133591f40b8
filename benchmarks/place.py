"""Print what place and route reaches and costs: seeds, and options of nextpnr.

``python -m benchmarks.place``: one design on a ULX3S 85F with its SDRAM, once for each variant;
variants differ by seed or option alone. A run takes a minute or more of CPU time: choose with
``--variants``.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.parameter import Value
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import family_of_part
from runners.fpga.family import Route
from runners.job import Job, Target, Workload
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.place.netlist import join_netlists
from runners.stages.place.report import parse_report
from runners.stages.soc import read_soc
from runners.stages.synthesis import NETLIST, SYNTHESISED
from runners.tools import run_tool
from tests.fast_design import CPU, FIRMWARE

VARIANTS: dict[str, tuple[int, tuple[str, ...]]] = {
    **{f"seed {seed}": (seed, ()) for seed in range(1, 6)},
    "timing weight 30": (1, ("--placer-heap-timingweight", "30")),
    "criticality exponent 4": (1, ("--placer-heap-critexp", "4")),
    "timing weight 30 and criticality exponent 4": (
        1,
        ("--placer-heap-timingweight", "30", "--placer-heap-critexp", "4"),
    ),
    "density 0.7": (1, ("--placer-heap-beta", "0.7")),
    "placer static": (1, ("--placer", "static")),
    "not timing-driven": (1, ("--no-tmdriv",)),
    "router2": (1, ("--router", "router2")),
    "timing-driven rip-up": (1, ("--tmg-ripup",)),
}
"""Name to seed and further arguments of nextpnr."""
HEADER = ("variant", "Fmax, MHz", "CPU-s")
_ON_PAGE = (
    *("seed 1", "seed 4", "seed 5", "timing weight 30 and criticality exponent 4"),
    *("placer static", "density 0.7", "not timing-driven"),
)
_CLOCK_MHZ = 75.0

DESIGN: dict[str, Value] = {
    **CPU,
    **FIRMWARE,
    "cfu": "simd",
    "simd_width": 4,
    "buffer_depth": 0,
    "hardware_requantisation": False,
    "channelwise": False,
}

_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run."""

    fmax_mhz: float
    cpu_s: float
    rss_mib: float


def run_variant(job: Job, inputs: Path, seed: int, further: tuple[str, ...]) -> Figures:
    """Place and route once in a folder of its own; a missed clock is no fault."""
    family = family_of_part(job.target.part)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in inputs.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        route = Route(
            device=fpga_board(job.target.board).device_of(job.target.part),
            netlist="joined.json",
            constraints=family.constraints_file,
            clock_hz=job.target.clock_hz,
            seed=seed,
            report="report.json",
            placed=family.placed_file,
        )
        run = run_tool(
            [*family.place(route).command, *further],
            cwd=folder,
            log=folder / "log",
            timeout_s=_TIMEOUT_S,
        )
        text = (folder / "report.json").read_text()
        placement = parse_report(text, seed=seed, clock_hz=job.target.clock_hz).placement
    return Figures(
        fmax_mhz=placement.fmax_mhz, cpu_s=run.cpu_s, rss_mib=run.max_rss_bytes / (1 << 20)
    )


def write_inputs(job: Job, folder: Path) -> None:
    """Write the joined netlist and the constraints of a job."""
    walk = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    netlists = [walk.get(f"synthesise-{part}").folder / NETLIST for part, _, _ in SYNTHESISED]
    parts = [json.loads(path.read_text()) for path in netlists if path.exists()]
    (folder / "joined.json").write_text(json.dumps(join_netlists(parts, top="soc")))
    soc = walk.get("board-soc").folder
    name = str(read_soc(soc)["files"]["constraints"])
    (folder / name).write_bytes((soc / name).read_bytes())


def job_of(design: Mapping[str, Value], clock_mhz: float) -> Job:
    """Return the job whose netlist is routed."""
    return Job(
        design=design,
        target=Target(name="ulx3s_85f", part="LFE5U-85F", clock_hz=round(clock_mhz * 1e6)),
        workload=Workload(model=Path(), model_sha256=""),  # nothing of it is synthesised
    )


def rows() -> list[list[str]]:
    """Route the variants of the page."""
    job = job_of(DESIGN, _CLOCK_MHZ)
    with tempfile.TemporaryDirectory() as name:
        write_inputs(job, Path(name))
        found = {each: run_variant(job, Path(name), *VARIANTS[each]) for each in _ON_PAGE}
    return [[name, f"{each.fmax_mhz:.1f}", f"{each.cpu_s:.0f}"] for name, each in found.items()]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", maxsplit=1)[0])
    parser.add_argument("--clock-mhz", type=float, default=_CLOCK_MHZ, help="clock to route for")
    parser.add_argument(
        "--variants",
        default="seed 1,seed 2,seed 3,seed 4,seed 5",
        help=f"comma-separated, or all: {', '.join(VARIANTS)}",
    )
    parser.add_argument("--set", action="append", default=[], help="PARAMETER=VALUE of the design")
    arguments = parser.parse_args()
    names = list(VARIANTS) if arguments.variants == "all" else arguments.variants.split(",")
    changed = {name: json.loads(text) for name, text in (each.split("=") for each in arguments.set)}
    job = job_of(DESIGN | changed, arguments.clock_mhz)
    print(f"{job.target.part} at {job.target.clock_hz / 1e6:g} MHz, {json.dumps(dict(job.design))}")
    print(f"{'variant':24} {'Fmax MHz':>9} {'CPU-s':>7} {'RSS MiB':>8}")
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name)
        write_inputs(job, inputs)
        for variant in names:
            found = run_variant(job, inputs, *VARIANTS[variant])
            print(
                f"{variant:24} {found.fmax_mhz:9.2f} {found.cpu_s:7.1f} {found.rss_mib:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
