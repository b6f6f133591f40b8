"""``python -m benchmarks.results headline``: the designs of the README, measured again.

Four designs that a search on the MLPerf Tiny image-classification model found, on a ULX3S 85F:
each is simulated, bit-exact, then placed and routed at 50 MHz. About five CPU-minutes a design.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fmax import route
from benchmarks.networks import job_for, measure
from benchmarks.targets import read_target
from contracts.parameter import Value
from runners.job import StageEvent, Target
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.synthesis import SYNTHESISED, read_cost

ROOT = Path(__file__).parent.parent
MODEL = ROOT.parent / "shared" / "data" / "imgc" / "pretrainedResnet_quant.tflite"
TARGET = "ulx3s_85f"
HEADER = (
    *("design", "Mcycles", "LUT4 synthesised", "LUT4 placed", "Fmax, MHz"),
    "latency at 50 MHz",
)
_CORE: Mapping[str, Value] = {
    "branch_prediction": "none",
    "bypass": False,
    "dcache_bytes": 16384,
    "dcache_line_bytes": 8,
    "dcache_ways": 1,
    "divider": "none",
    "icache_bytes": 16384,
    "icache_line_bytes": 8,
    "icache_ways": 1,
    "multiplier": "none",
    "shifter": "iterative",
    "optimisation": "O3",
    "unroll": 8,
}
_SIMD: Mapping[str, Value] = {"cfu": "simd", "hardware_requantisation": True, "channelwise": False}
_MULTIPLIES: Mapping[str, Value] = {"multiplier": "pipelined", "shifter": "full", "bypass": True}
DESIGNS: Mapping[str, Mapping[str, Value]] = {
    "without a CFU": {**_CORE, **_MULTIPLIES, "branch_prediction": "static", "cfu": "none"},
    "a CFU that requantises, one product an instruction": {
        **_CORE,
        **_SIMD,
        "optimisation": "O2",
        "simd_width": 1,
        "buffer_depth": 0,
    },
    "4 products an instruction, buffers of 2,048 words": {
        **_CORE,
        **_SIMD,
        "simd_width": 4,
        "buffer_depth": 2048,
    },
    "16 products, buffers of 4,096 words": {
        **_CORE,
        **_MULTIPLIES,
        **_SIMD,
        "dcache_ways": 2,
        "icache_line_bytes": 16,
        "simd_width": 16,
        "buffer_depth": 4096,
    },
}
"""Each row of the table, with the design that it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of a design.

    Attributes:
        cycles: Of an inference.
        synthesised_lut4: Of SoC, core and CFU, each synthesised apart.
        placed_lut4: Of the routed design.
        fmax_mhz: That its routes allow.
    """

    cycles: int
    synthesised_lut4: int
    placed_lut4: int
    fmax_mhz: float


def row_of(design: Mapping[str, Value], target: Target) -> Row:
    """Simulate, synthesise, place and route a design."""
    pipeline = pipeline_of(
        job_for(MODEL, design, target), cache=Cache(default_root()), report=_ignore
    )
    stages = [f"synthesise-{part}" for part, _, _ in SYNTHESISED]
    cells = sum(read_cost(pipeline.get(stage).folder).get("lut4", 0) for stage in stages)
    routed = route(target, design, seed=1)
    return Row(
        cycles=measure(MODEL, design, target).cycles,
        synthesised_lut4=cells,
        placed_lut4=routed.used["TRELLIS_COMB"],
        fmax_mhz=routed.placement.fmax_mhz,
    )


def cells(row: Row, clock_hz: int) -> list[str]:
    """Return what a page shows of a design; a latency is of the clock that its routes meet."""
    met = row.fmax_mhz > clock_hz / 1e6
    return [
        f"{row.cycles / 1e6:.2f}",
        f"{row.synthesised_lut4:,}",
        f"{row.placed_lut4:,}",
        f"{row.fmax_mhz:.1f}",
        f"{row.cycles / clock_hz * 1e3:,.1f} ms" if met else "not met",
    ]


def rows() -> list[list[str]]:
    """Measure all designs, print each as it is known, and return the rows of the table."""
    target = read_target(TARGET)
    found = []
    for name, design in DESIGNS.items():
        found.append([name, *cells(row_of(design, target), target.clock_hz)])
        print(found[-1], file=sys.stderr, flush=True)
    return found


def _ignore(event: StageEvent) -> None:
    del event
