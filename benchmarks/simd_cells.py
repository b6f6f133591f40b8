"""``python -m benchmarks.results simd-cells``: what ``simd`` costs alone, on an ECP5."""

from collections.abc import Mapping

from benchmarks.networks import CACHED_CORE, FIRMWARE, job_for
from benchmarks.targets import read_target
from contracts.parameter import Value
from dse.shipped import OUR_MODEL
from runners.job import StageEvent
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.synthesis import read_cost

HEADER = ("`simd`", "LUT4", "FF", "MULT18X18D", "DP16KD")
_CELLS = ("lut4", "ff", "mult18x18d", "dp16kd")


def _simd(width: int, words: int, *, channelwise: bool = False) -> dict[str, Value]:
    return {
        "cfu": "simd",
        "simd_width": width,
        "buffer_depth": words,
        "hardware_requantisation": words > 0,
        "channelwise": channelwise,
    }


_SAME = "the same, `channelwise`"
UNITS: tuple[tuple[str, Mapping[str, Value]], ...] = (
    ("default: 4 products, from registers", _simd(4, 0)),
    ("4 products, 1024 words, requantises", _simd(4, 1024)),
    (_SAME, _simd(4, 1024, channelwise=True)),
    ("8 products, 1024 words, requantises", _simd(8, 1024)),
    (_SAME, _simd(8, 1024, channelwise=True)),
    ("16 products, 4096 words, requantises", _simd(16, 4096)),
    (_SAME, _simd(16, 4096, channelwise=True)),
)
"""Each row of the table, with the unit that it is about."""


def unit_cells(unit: Mapping[str, Value]) -> list[str]:
    """Return what a CFU costs, in the order of ``HEADER``."""
    job = job_for(OUR_MODEL, {**CACHED_CORE, **FIRMWARE, **unit}, read_target("ulx3s_85f"))
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=_ignore)
    cost = read_cost(pipeline.get("synthesise-cfu").folder)
    return [f"{cost.get(cell, 0):,}" for cell in _CELLS]


def rows() -> list[list[str]]:
    """Synthesise each unit."""
    return [[name, *unit_cells(unit)] for name, unit in UNITS]


def _ignore(event: StageEvent) -> None:
    del event
