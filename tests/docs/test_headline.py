"""The README's first table of results: ``python -m benchmarks.results headline`` measured it."""

import pytest

from benchmarks import headline
from benchmarks.networks import measure
from benchmarks.targets import read_target
from tests.docs.pages import table

LAST = list(headline.DESIGNS)[-1]
EXAMPLE = headline.Row(cycles=3_000_000, synthesised_lut4=7000, placed_lut4=7100, fmax_mhz=49.9)


def test_the_table_has_a_row_for_each_design() -> None:
    assert [name for name in table("README.md") if name in headline.DESIGNS] == [*headline.DESIGNS]


def test_a_clock_that_is_not_met_has_no_latency() -> None:
    assert headline.cells(EXAMPLE, 50_000_000)[-1] == "not met"
    assert headline.cells(EXAMPLE, 49_000_000)[-1] == "61.2 ms"
    clock_hz = read_target(headline.TARGET).clock_hz
    assert headline.HEADER[-1] == f"latency at {clock_hz / 1e6:g} MHz"


@pytest.mark.slow
@pytest.mark.skipif(not headline.MODEL.exists(), reason="wants the MLPerf Tiny model in ../shared")
def test_the_cycles_of_a_row_are_those_of_today() -> None:
    found = measure(headline.MODEL, headline.DESIGNS[LAST], read_target(headline.TARGET))
    assert table("README.md")[LAST][0] == f"{found.cycles / 1e6:.2f}"
