"""Tables of the pages that ``python -m benchmarks.results`` writes."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import channelwise, results, simd_cells, vivado
from benchmarks.networks import DESIGNS, HEADER, ON_CHIP, Run, measure, on_chip
from benchmarks.pages import page_table, with_block
from benchmarks.sentences import SENTENCES
from benchmarks.targets import read_target
from contracts.faults import ConfigError
from contracts.measurement import LayerProfile
from dse.shipped import OUR_MODEL
from runners.tools.versions import identity
from tests.docs.pages import ROOT, page_paths

MARKED = re.compile(
    r"^<!-- ([\w-]+): written by benchmarks\.results -->\n(.*?)^<!-- end of \1 -->$",
    re.MULTILINE | re.DOTALL,
)
TABLE = re.compile(r"^(\|.*\|)\n\|[-|]+\|\n", re.MULTILINE)
MEASURED = re.compile(
    r"Measured (at `[0-9a-f]{7}( with changes)?`, \d{4}-\d\d-\d\d: "
    r"|before marks were kept, in the page since `[0-9a-f]{7}`, \d{4}-\d\d-\d\d; again: )"
    r"`python -m benchmarks\.results ([\w-]+)`\.\n"
)


def blocks(page: Path) -> dict[str, str]:
    """Return what stands between the marks of a page, by name."""
    return {found[1]: found[2] for found in MARKED.finditer(page.read_text())}


def cells(name: str) -> list[list[str]]:
    """Return the rows of a figure without the head of its table."""
    table, _, _ = blocks(results.FIGURES[name].pages[0])[name].partition("\n\n")
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()[2:]]


def test_every_block_of_the_pages_is_a_figure_and_every_figure_has_its_blocks() -> None:
    on_pages = {(name, page) for page in page_paths() for name in blocks(page)}
    known = {
        (name, page)
        for name, pages in (
            *((name, figure.pages) for name, figure in results.FIGURES.items()),
            *((name, sentence.pages) for name, sentence in SENTENCES.items()),
        )
        for page in pages
    }
    assert on_pages == known


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_repeats_the_figures_of_its_tables(name: str) -> None:
    (text,) = {blocks(page)[name] for page in SENTENCES[name].pages}
    assert text == results.sentence_text(SENTENCES[name])


FIGURE = re.compile(
    r"(?<![\w`#-])\d[\d,]*(?:\.\d+)?\s(?:CPU-s(?:econds)?|CPU-minutes|[kM]?cycles|ms|µs|s|min|h|MHz|ns"
    r"|LUT4|FF|DP16KD|MULT18X18D|%|MB|kB|trials an hour|MAC a cycle)(?![\w`-])"
)
COMMIT = re.compile(r"`[0-9a-f]{7}`")
FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def unsaid(text: str) -> list[str]:
    """Return the paragraphs outside of marks with a figure of which nothing says the commit.

    It is named in the paragraph, or for a whole section in a line *History: ...* below its heading.
    """
    found = []
    is_history = False
    for paragraph in re.split(r"\n\s*\n", FENCED.sub("", MARKED.sub("", text))):
        if paragraph.lstrip().startswith("#"):
            is_history = False
        if paragraph.lstrip().startswith("*History: "):
            assert COMMIT.search(paragraph)
            is_history = True
        if FIGURE.search(paragraph) and not is_history and not COMMIT.search(paragraph):
            found.append(paragraph.strip())
    return found


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_a_figure_outside_of_marks_says_at_which_commit_it_was_measured(page: str) -> None:
    assert unsaid((ROOT / page).read_text()) == []


def test_a_figure_that_says_nothing_is_found() -> None:
    said = "It takes 4.5 ms at `0123abc`.\n\n"
    section = "## A\n\n*History: measured at `0123abc`.*\n\nIt took 5 s.\n\n"
    assert unsaid(said + section) == []
    assert unsaid(said + section + "## B\n\nIt takes 1,203 cycles.\n") == ["It takes 1,203 cycles."]


@pytest.mark.parametrize("name", results.FIGURES)
def test_a_block_has_the_columns_of_its_figure_and_says_what_measured_it(name: str) -> None:
    figure = results.FIGURES[name]
    (text,) = {blocks(page)[name] for page in figure.pages}  # the same on all of them
    table, _, origin = text.partition("\n\n")
    assert table.startswith(page_table(list(figure.header), []))
    assert all(len(row) == len(figure.header) for row in cells(name))
    measured = MEASURED.fullmatch(origin)
    assert measured is not None
    assert measured[3] == name


def test_what_the_command_writes_is_a_block_that_these_tests_accept() -> None:
    header = results.FIGURES["fuzz"].header
    text = results.block("fuzz", [["1"] * len(header)], commit="0123abc", day="2026-11-28")
    table, _, origin = text.partition("\n\n")
    assert table == page_table(list(header), [["1"] * len(header)]).rstrip("\n")
    assert MEASURED.fullmatch(origin)
    assert MEASURED.fullmatch(
        results.origin("fuzz", commit="0123abc with changes", day="2026-11-28")
    )


def test_every_other_table_of_the_results_is_listed_with_its_command() -> None:
    others = MARKED.sub("", results.RESULTS.read_text())
    heads = [
        ", ".join(cell.strip() for cell in found[1][1:-1].split("|"))
        for found in TABLE.finditer(others)
    ]
    page = (ROOT / "benchmarks" / "README.md").read_text()
    _, _, listed = page.partition("## Tables that no command rewrites\n")
    starts = [row.split("|")[1].strip() for row in listed.splitlines() if row.startswith("| ")][1:]
    assert [head for head in heads if not any(map(head.startswith, starts))] == []
    assert [start for start in starts if not any(h.startswith(start) for h in heads)] == []


@pytest.mark.parametrize("name", results.FIGURES)
def test_a_figure_is_written_between_its_marks(name: str) -> None:
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


def test_a_figure_that_cannot_be_measured_is_told_and_the_next_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    marks = "".join(f"<!-- {name}: x -->\nold\n<!-- end of {name} -->\n" for name in "ab")
    page.write_text(marks)

    def fail() -> list[list[str]]:
        raise ConfigError("there is no model", fix="put it there")

    def figure(rows: Callable[[], list[list[str]]], *, is_cheap: bool) -> results.Figure:
        return results.Figure(header=("n",), rows=rows, pages=(page,), is_cheap=is_cheap)

    figures = {"a": figure(fail, is_cheap=True), "b": figure(lambda: [["7"]], is_cheap=True)}
    monkeypatch.setattr(results, "FIGURES", figures | {"c": figure(fail, is_cheap=False)})
    monkeypatch.setattr(results, "current_commit", lambda: "0123abc")
    monkeypatch.setattr(sys, "argv", ["results"])
    assert results.main() == 1
    said = capsys.readouterr().err
    assert said == "a: there is no model\n  fix: put it there\n"
    written = page.read_text()
    assert "<!-- a: x -->\nold\n" in written
    assert "<!-- b: x -->\n| n |\n|---|\n| 7 |\n\nMeasured at `0123abc`, " in written


def test_a_table_is_one_of_markdown() -> None:
    assert page_table(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |\n"


def test_the_pages_have_a_row_for_each_unit_and_layer() -> None:
    assert [row[0] for row in cells("simd-cells")] == [name for name, _ in simd_cells.UNITS]
    assert [row[0] for row in cells("single-layers")] == list(channelwise.ROWS)


def test_the_page_has_a_row_for_each_core_that_vivado_was_given() -> None:
    rows = cells("vivado")
    assert [row[:2] for row in rows] == [[core.name, f"{core.luts:,}"] for core in vivado.CORES]
    assert [row[5] for row in rows] == [f"{core.ffs:,}" for core in vivado.CORES]


def test_two_tables_are_paired_that_share_a_signal_and_have_five_at_most() -> None:
    def tables(*inputs: str) -> list[frozenset[int]]:
        return [frozenset(map(ord, each)) for each in inputs]

    assert vivado.pairs(tables("abc", "cde")) == 1
    assert vivado.pairs(tables("abc", "cdef")) == 0
    assert vivado.pairs(tables("abc", "de")) == 0
    assert vivado.pairs(tables("abcdef", "abc")) == 0
    # each in one pair, the most alike together
    assert vivado.pairs(tables("abcde", "abcd", "ab")) == 1
    assert vivado.pairs(tables("abcde", "abcd", "fg", "gh")) == 2
    module = {
        "cells": {
            "a": {"type": "LUT3", "connections": {"I0": [2], "I1": ["1"], "I2": [3], "O": [9]}},
            "b": {"type": "INV", "connections": {"I": [2], "O": [8]}},
            "c": {"type": "FDRE", "connections": {"D": [9], "Q": [2]}},
        }
    }
    assert vivado.inputs_of_luts(module) == [frozenset({2, 3}), frozenset({2})]


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
    assert channelwise.layer_cells(plain, fast) == [
        "2.0 (20)", "1.0 (10)", "4.0 (40)", "2.5 (25)", "(5.0, 10)", "(3.3, 4.0)",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_unit_costs_what_the_page_says() -> None:
    name, unit = simd_cells.UNITS[0]
    assert [name, *simd_cells.unit_cells(unit)] in cells("simd-cells")


@pytest.mark.slow
def test_our_network_takes_the_cycles_that_the_page_says() -> None:
    design = {**DESIGNS["channelwise"], **ON_CHIP}
    found = measure(OUR_MODEL, design, on_chip(read_target("ulx3s_85f")))
    (row,) = (row for row in cells("networks") if row[0] == OUR_MODEL.stem)
    told = int(row[HEADER.index("`channelwise`")].replace(",", ""))
    (compiler,) = re.findall(r"firmware by RISC-V gcc (\d+\.\d+)", results.RESULTS.read_text())
    is_that_of_the_page = f" {compiler}." in identity("riscv-gcc")
    assert found.cycles == pytest.approx(told, rel=0 if is_that_of_the_page else 0.1, abs=0)
