"""The README's first table of results: ``python -m benchmarks.headline`` measured it."""

import pytest

from benchmarks import headline
from benchmarks.networks import measure
from benchmarks.pages import with_block
from benchmarks.targets import read_target
from tests.docs.pages import ROOT, table

LAST = list(headline.DESIGNS)[-1]
EXAMPLE = headline.Row(cycles=3_000_000, synthesised_lut4=7000, placed_lut4=7100, fmax_mhz=49.9)


def test_both_pages_show_the_same_rows_one_for_each_design() -> None:
    readme, results = (table(page.relative_to(ROOT).as_posix()) for page in headline.PAGES)
    for name in headline.DESIGNS:
        assert readme[name] == results[name]


def test_a_clock_that_is_not_met_has_no_latency() -> None:
    assert "| not met |" in headline.table({"x": EXAMPLE}, 50_000_000)
    assert "| 61.2 ms |" in headline.table({"x": EXAMPLE}, 49_000_000)


def test_a_page_without_marks_is_not_rewritten() -> None:
    with pytest.raises(ValueError, match="marks of headline"):
        with_block("# A page\n", "headline", "| a |\n")


@pytest.mark.slow
@pytest.mark.skipif(not headline.MODEL.exists(), reason="wants the MLPerf Tiny model in ../shared")
def test_the_cycles_of_a_row_are_those_of_today() -> None:
    found = measure(headline.MODEL, headline.DESIGNS[LAST], read_target(headline.TARGET))
    assert table("README.md")[LAST][0] == f"{found.cycles / 1e6:.2f}"
