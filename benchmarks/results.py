"""``python -m benchmarks.results [NAME ...]``: measure figures of docs/results.md, rewrite them.

Each is a table between two marks of a page. Without names those are measured that take minutes;
``--all`` takes the headline, too, which places four designs. ``--print`` leaves the pages.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import channelwise, headline
from benchmarks.networks import CACHED_CORE, DESIGNS, FIRMWARE, ON_CHIP, Run, job_for, measure
from benchmarks.pages import page_table, with_block
from benchmarks.targets import read_target
from contracts.measurement import LayerProfile
from contracts.parameter import Value
from dse.shipped import OUR_MODEL
from runners.job import Memory, StageEvent
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.synthesis import read_cost

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results.md"
TARGET = "ulx3s_85f"
CELLS = ("lut4", "ff", "mult18x18d", "dp16kd")
LAYER_CHANNELS = (8, 16, 32)
LARGE = 48
"""Side of an image on which what a layer costs to begin matters less."""


def _simd(width: int, words: int, *, channelwise: bool = False) -> dict[str, Value]:
    return {
        "cfu": "simd",
        "simd_width": width,
        "buffer_depth": words,
        "hardware_requantisation": words > 0,
        "channelwise": channelwise,
    }


_SAME = "the same, `channelwise`"
SIMD_UNITS: tuple[tuple[str, Mapping[str, Value]], ...] = (
    ("default: 4 products, from registers", _simd(4, 0)),
    ("4 products, 1024 words, requantises", _simd(4, 1024)),
    (_SAME, _simd(4, 1024, channelwise=True)),
    ("8 products, 1024 words, requantises", _simd(8, 1024)),
    (_SAME, _simd(8, 1024, channelwise=True)),
    ("16 products, 4096 words, requantises", _simd(16, 4096)),
    (_SAME, _simd(16, 4096, channelwise=True)),
)
"""Each row of the table ``simd-cells``, with the unit that it is about."""


def unit_cells(unit: Mapping[str, Value]) -> list[str]:
    """Return what a CFU costs, synthesised alone for an ECP5, in the order of ``CELLS``."""
    job = job_for(OUR_MODEL, {**CACHED_CORE, **FIRMWARE, **unit}, read_target(TARGET))
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=_ignore)
    cost = read_cost(pipeline.get("synthesise-cfu").folder)
    return [f"{cost.get(cell, 0):,}" for cell in CELLS]


def simd_cells() -> str:
    """Measure what ``simd`` costs."""
    rows = [[name, *unit_cells(unit)] for name, unit in SIMD_UNITS]
    return page_table(["`simd`", "LUT4", "FF", "MULT18X18D", "DP16KD"], rows)


def layer_runs(channels: int, content: bytes) -> tuple[Run, Run]:
    """Measure a network of single layers of so many channels, plain and in the widest ``simd``."""
    memory = Memory(kind="on-chip", size_bytes=1 << 20, l2_bytes=0)
    target = replace(read_target(TARGET), memory=memory)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / f"channels_{channels}.tflite"
        model.write_bytes(content)
        plain, fast = (
            measure(model, {**DESIGNS[name], **ON_CHIP}, target)
            for name in ("plain", "channelwise")
        )
    return plain, fast


DEPTHWISE_ROWS = (
    "depthwise 3×3",
    "depthwise 3×3, stride 2",
    "depthwise 3×3, dilation 2",
    "depthwise 5×5",
)


def _pairs(plain: Run, fast: Run) -> list[tuple[LayerProfile, LayerProfile]]:
    return list(zip(plain.layers, fast.layers, strict=True))


def _rate(plain: LayerProfile, fast: LayerProfile) -> str:
    return f"{fast.macs / fast.cycles:.1f} ({plain.cycles / fast.cycles:.0f})"


def layer_cells(plain: Run, fast: Run) -> list[str]:
    """Return the cells of one number of channels: depthwise layers, then both kinds of pooling."""
    pairs = _pairs(plain, fast)
    factors = [slow.cycles / quick.cycles for slow, quick in pairs]
    depthwise = len(channelwise.DEPTHWISE)
    cells = [_rate(*pair) for pair in pairs[:depthwise]]
    kinds = len(channelwise.POOLS)
    for start in (depthwise, depthwise + kinds):  # the last pooling of each kind is of all
        two, three = factors[start : start + 2]
        cells.append(f"({_factor(two)}, {_factor(three)})")
    return cells


def single_layers() -> str:
    """Measure single layers in the CFU, and how many times faster than plain they are."""
    columns = []
    for channels in LAYER_CHANNELS:
        large = channelwise.network(channels, side=LARGE, depthwise=((3, 1, 1),), pools=())
        columns.append(
            [
                *layer_cells(*layer_runs(channels, channelwise.network(channels))),
                *(_rate(*pair) for pair in _pairs(*layer_runs(channels, large))),
            ]
        )
    names = [*DEPTHWISE_ROWS, "average pooling 2×2, 3×3", "max pooling 2×2, 3×3"]
    names.append(f"depthwise 3×3, image of {LARGE}×{LARGE}")
    rows = [[name, *(column[at] for column in columns)] for at, name in enumerate(names)]
    first, *others = LAYER_CHANNELS
    return page_table(["layer", f"{first} channels", *map(str, others)], rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A table of the pages.

    Attributes:
        measure: Returns it anew.
        pages: That have it.
        is_cheap: Whether it takes minutes, and not a night.
    """

    measure: Callable[[], str]
    pages: tuple[Path, ...] = (RESULTS,)
    is_cheap: bool = True


FIGURES: Mapping[str, Figure] = {
    "simd-cells": Figure(measure=simd_cells),
    "single-layers": Figure(measure=single_layers),
    "headline": Figure(measure=headline.measured, pages=headline.PAGES, is_cheap=False),
}


def _factor(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _ignore(event: StageEvent) -> None:
    del event


def main() -> int:
    """Measure the figures, print each, rewrite the pages."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(FIGURES)}")
    parser.add_argument("--all", action="store_true", help="also those that take long")
    parser.add_argument("--print", action="store_true", help="do not rewrite the pages")
    given = parser.parse_args()
    for name in given.names:
        if name not in FIGURES:
            parser.error(f"there is no figure {name!r}; there are: {', '.join(FIGURES)}")
    names = given.names or [n for n, each in FIGURES.items() if each.is_cheap or given.all]
    for name in names:
        text = FIGURES[name].measure()
        print(f"{name}\n{text}", flush=True)
        if not given.print:
            for page in FIGURES[name].pages:
                page.write_text(with_block(page.read_text(encoding="utf-8"), name, text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
