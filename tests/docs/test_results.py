"""Figures of docs/results.md that ``python -m benchmarks.results`` writes."""

from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.networks import Run
from benchmarks.pages import page_table, with_block
from contracts.measurement import LayerProfile
from tests.docs.pages import ROOT


def block(page: Path, name: str) -> list[str]:
    """Return the rows between the marks of a figure, without the head of the table."""
    _, _, rest = page.read_text().partition(f"<!-- {name}: written by benchmarks.")
    text, _, _ = rest.partition(f"<!-- end of {name} -->")
    return text.splitlines()[3:]


@pytest.mark.parametrize("name", results.FIGURES)
def test_every_figure_has_its_marks_on_its_pages_and_is_written_between_them(name: str) -> None:
    for page in results.FIGURES[name].pages:
        changed = with_block(page.read_text(), name, "| new |\n")
        assert len(changed) < len(page.read_text())
        assert "-->\n| new |\n<!-- end of" in changed


def test_marks_that_are_not_there_or_twice_are_refused() -> None:
    once = "<!-- a: x -->\nold\n<!-- end of a -->\n"
    assert with_block(once, "a", "new\n") == "<!-- a: x -->\nnew\n<!-- end of a -->\n"
    for page in ("", once + once, once.replace("end of a", "end of b")):
        with pytest.raises(ValueError, match="marks of a"):
            with_block(page, "a", "new\n")


def test_a_table_is_one_of_markdown() -> None:
    assert page_table(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |\n"


def test_the_pages_have_a_row_for_each_unit_and_layer() -> None:
    cells = block(results.RESULTS, "simd-cells")
    assert [row.split(" | ")[0].removeprefix("| ") for row in cells] == [
        name for name, _ in results.SIMD_UNITS
    ]
    layers = block(results.RESULTS, "single-layers")
    assert len(layers) == len(results.DEPTHWISE_ROWS) + 3
    assert all(row.count("|") == len(results.LAYER_CHANNELS) + 2 for row in layers)


def test_layers_are_told_as_products_a_cycle_and_as_factors() -> None:
    def run(*cycles: int) -> Run:
        layers = tuple(
            LayerProfile(
                index=n,
                name=f"{n}",
                operator="X",
                output_shape=(1,),
                macs=1000,
                cycles=c,
                bytes_in=0,
                bytes_out=0,
                bytes_scratch=0,
            )
            for n, c in enumerate(cycles)
        )
        return Run(cycles=sum(cycles), layers=layers)

    plain = run(*[10_000] * 10)
    fast = run(500, 1000, 250, 400, 2000, 1000, 77, 3000, 2500, 77)
    assert results.layer_cells(plain, fast) == [
        "2.0 (20)", "1.0 (10)", "4.0 (40)", "2.5 (25)", "(5.0, 10)", "(3.3, 4.0)",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_unit_costs_what_the_page_says() -> None:
    name, unit = results.SIMD_UNITS[0]
    row = f"| {' | '.join([name, *results.unit_cells(unit)])} |"
    assert row in block(ROOT / "docs" / "results.md", "simd-cells")
