"""Sentences of the pages that repeat figures of a table: written from its rows, never by hand.

``benchmarks.results`` writes them with the table; a test makes them anew from the rows on the page.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "docs" / "results.md"

Rows = Sequence[Sequence[str]]

MLPERF_TINY = {
    "image classification": "pretrainedResnet_quant (ic)",
    "keywords": "kws_ref_model (kws)",
    "people": "vww_96_int8 (vww)",
    "anomalies": "ad01_int8 (ad)",
    "the wake word": "str_ww_ref_model (sww)",
}
"""What a network does, and how the tables call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A paragraph that repeats figures of tables.

    Attributes:
        of: Names of the tables.
        text: Makes it from the rows of each, in that order.
        pages: That have it between marks.
    """

    of: tuple[str, ...]
    text: Callable[..., str]
    pages: tuple[Path, ...]


def placing_adds(headline: Rows) -> str:
    """Say what placing adds to the cells that synthesis counts."""
    least, most = _range(100 * (_number(row[3]) / _number(row[2]) - 1) for row in headline)
    return (
        "Before it is placed, a design's cells are an estimate, too: SoC, core and CFU are"
        f" synthesised apart, and placing adds\n{least:.1f} to {most:.1f} % to these"
        f" {_WORDS[len(headline)]}.\n"
    )


def whole_networks(networks: Rows) -> str:
    """Say what the five networks of MLPerf Tiny take without and with a CFU."""
    rows = [_row(networks, name) for name in MLPERF_TINY.values()]
    plain, with_cfu = (
        _list([f"{_number(row[column]) / 1e6:.3g}" for row in rows]) for column in (2, 4)
    )
    return (
        f"On the five networks of MLPerf Tiny ({', '.join(MLPERF_TINY)}) a core alone needs"
        f"\n{plain} Mcycles, and with the widest `simd`, which also sums channel by channel,"
        f"\n{with_cfu}, from on-chip memory, every layer bit-exact.\n"
    )


def stream_and_engine(stream: Rows, engine: Rows) -> str:
    """Say what the families that do more than ``simd`` take."""
    ic = _row(stream, MLPERF_TINY["image classification"])
    known = {row[0]: row[1] for row in engine}
    told = [f"{known[name]} for {does}" for does, name in MLPERF_TINY.items() if name in known]
    return (
        "A family `stream` computes while the core feeds it: with 8 products image classification"
        f"\ntakes {_number(ic[3]) / 1e6:.2f} Mcycles, where `simd` with as many takes"
        f" {_number(ic[2]) / 1e6:.2f}. A family `engine` runs whole networks by itself: 16 x 16"
        f"\nproducts with memories of their own take these cycles:"
        f"\n{_list(told)}, every layer bit-exact on the simulated board"
        "\n([how it works](docs/explanation/engine.md), [at which clock it was"
        " routed](docs/results.md#the-engine)).\n"
    )


def busy_products(stream: Rows) -> str:
    """Say which share of its convolutions' cycles the products of a stream are busy."""
    shares = {}
    network = ""
    for row in stream:
        network = row[0] if "its " not in row[0] else network
        if "`CONV_2D`" in row[0]:
            macs = _number(row[1])
            shares[network] = [100 * macs / 8 / _number(row[column]) for column in (3, 2)]
    told = [
        f"{ours:.0f} % of the cycles of the convolutions of {name.partition('(')[2].rstrip(')')}"
        f" ({simd:.0f} % with `simd`)"
        for name, (ours, simd) in shares.items()
    ]
    goal = "is met" if min(ours for ours, _ in shares.values()) >= 60 else "is missed"
    return (
        f"**The goal of 60 % {goal}**: the products are busy {' and '.join(told)},\n"
        "counted in products that the network asks for.\n"
    )


def placed_trial(settling: Rows) -> str:
    """Say what placing a design costs."""
    least, most = _range(_number(row[3]) for row in settling)
    routes = max(int(row[1]) for row in settling)
    return (
        f"Placing and routing a design and settling its clock took {least:.0f} to {most:.0f}"
        f" CPU-seconds and {'one route' if routes == 1 else f'up to {routes} routes'} in all"
        f" {_WORDS[len(settling)]} designs.\n"
    )


SENTENCES: Mapping[str, Sentence] = {
    "placing-adds": Sentence(of=("headline",), text=placing_adds, pages=(README, RESULTS)),
    "whole-networks": Sentence(of=("networks",), text=whole_networks, pages=(README,)),
    "stream-and-engine": Sentence(of=("stream", "engine"), text=stream_and_engine, pages=(README,)),
    "busy-products": Sentence(of=("stream",), text=busy_products, pages=(RESULTS,)),
    "placed-trial": Sentence(of=("settling",), text=placed_trial, pages=(RESULTS,)),
}
"""Name of the marks to the paragraph between them."""

_WORDS = ("no", "one", "two", "three", "four", "five", "six")


def _number(cell: str) -> float:
    return float(cell.replace(",", "").split()[0])


def _row(rows: Rows, name: str) -> Sequence[str]:
    return next(row for row in rows if row[0] == name)


def _range(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    return min(found), max(found)


def _list(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
