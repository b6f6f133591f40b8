"""``python -m benchmarks.results [NAME ...]``: measure tables of the pages, and rewrite them.

Each stands between two marks of a page, with the commit and the day that it was measured at.
Without names those are measured that count cycles or cells and take minutes; ``--all`` takes those,
too, that take hours or a machine with nothing else to do. ``--print`` leaves the pages.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    channelwise,
    checks,
    claims,
    cluster,
    commands,
    dashboard,
    first_designs,
    fuzz,
    headline,
    mutated_models,
    networks,
    place,
    scale,
    settling,
    simd_cells,
    simulation,
    stream,
    vivado,
)
from benchmarks.pages import page_table, rows_of_block, with_block
from benchmarks.sdram import __main__ as sdram
from benchmarks.search import __main__ as search
from benchmarks.search import comparison, hours, warm
from benchmarks.sentences import SENTENCES, Sentence
from contracts.faults import ConfigError, DseError

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results.md"
SERVER = ROOT / "docs" / "how-to" / "keep-studies-on-a-server.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A table of the pages.

    Attributes:
        header: Its first row.
        rows: Measures the others.
        pages: That have it.
        is_cheap: Whether it counts cycles or cells, and takes minutes.
    """

    header: tuple[str, ...]
    rows: Callable[[], list[list[str]]]
    pages: tuple[Path, ...] = (RESULTS,)
    is_cheap: bool = False


FIGURES: Mapping[str, Figure] = {
    "headline": Figure(
        header=headline.HEADER, rows=headline.rows, pages=(ROOT / "README.md", RESULTS)
    ),
    "networks": Figure(header=networks.HEADER, rows=networks.all_networks, is_cheap=True),
    "published": Figure(
        header=networks.PUBLISHED_HEADER, rows=networks.beside_published, is_cheap=True
    ),
    "single-layers": Figure(
        header=channelwise.HEADER, rows=channelwise.single_layers, is_cheap=True
    ),
    "simd-cells": Figure(header=simd_cells.HEADER, rows=simd_cells.rows, is_cheap=True),
    "stream": Figure(header=stream.HEADER, rows=stream.rows, is_cheap=True),
    "vivado": Figure(header=vivado.HEADER, rows=vivado.rows, is_cheap=True),
    "engine": Figure(header=networks.ENGINE_HEADER, rows=networks.engine_rows),
    "routes": Figure(header=place.HEADER, rows=place.rows),
    "settling": Figure(header=settling.HEADER, rows=settling.rows),
    "sdram": Figure(header=sdram.HEADER, rows=sdram.rows, is_cheap=True),
    "simulation": Figure(header=simulation.HEADER, rows=simulation.rows),
    "dashboard": Figure(header=dashboard.header(dashboard.USUAL), rows=dashboard.rows),
    "large-dashboard": Figure(
        header=dashboard.header(dashboard.LARGE), rows=dashboard.rows_of_a_large_study
    ),
    "scale": Figure(header=scale.HEADER, rows=scale.rows),
    "cluster": Figure(header=cluster.HEADER, rows=cluster.rows),
    "claims": Figure(header=claims.HEADER, rows=claims.rows, pages=(SERVER,)),
    "commands": Figure(header=commands.HEADER, rows=commands.rows),
    "first-designs": Figure(header=first_designs.HEADER, rows=first_designs.rows),
    "checks": Figure(header=checks.HEADER, rows=checks.rows, is_cheap=True),
    "search": Figure(header=search.HEADER, rows=search.rows),
    "search-warm": Figure(header=warm.HEADER, rows=warm.rows),
    "search-hours": Figure(header=hours.HEADER, rows=hours.rows),
    "searches": Figure(header=comparison.HEADER, rows=comparison.rows),
    "fuzz": Figure(header=fuzz.HEADER, rows=fuzz.rows),
    "damaged-models": Figure(header=mutated_models.HEADER, rows=mutated_models.rows),
}
"""Name of the marks to the table between them."""


def origin(name: str, *, commit: str, day: str) -> str:
    """Return the line below a table that says what measured it, at which commit, on which day."""
    return f"Measured at `{commit}`, {day}: `python -m benchmarks.results {name}`.\n"


def block(name: str, rows: list[list[str]], *, commit: str, day: str) -> str:
    """Return what stands between the marks of a figure."""
    table = page_table(list(FIGURES[name].header), rows)
    return f"{table}\n{origin(name, commit=commit, day=day)}"


def current_commit() -> str:
    """Return the commit of this checkout, and whether files other than pages were changed since.

    Raises:
        ConfigError: It is no clone of the repository.
    """
    commit = _git("rev-parse", "--short=7", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!*.md")
    return f"{commit} with changes" if changed else commit


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ConfigError(
            f"git does not tell the commit of {ROOT}, which belongs below each table",
            fix="measure in a clone of the repository",
            detail=done.stderr,
        )
    return done.stdout.strip()


def main() -> int:
    """Measure the figures, print each, rewrite the pages; 1 where one could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(FIGURES)}")
    parser.add_argument("--all", action="store_true", help="also those that take long")
    parser.add_argument("--print", action="store_true", help="do not rewrite the pages")
    given = parser.parse_args()
    for name in given.names:
        if name not in FIGURES:
            parser.error(f"there is no figure {name!r}; there are: {', '.join(FIGURES)}")
    try:
        commit = current_commit()
    except ConfigError as error:
        parser.error(str(error))
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    names = given.names or [n for n, each in FIGURES.items() if each.is_cheap or given.all]
    failed = False
    for name in names:
        try:
            rows = FIGURES[name].rows()
        except DseError as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        text = block(name, rows, commit=commit, day=day)
        print(f"{name}\n{text}", flush=True)
        if not given.print:
            for page in FIGURES[name].pages:
                page.write_text(with_block(page.read_text(encoding="utf-8"), name, text), "utf-8")
            write_sentences(name)
    return int(failed)


def sentence_text(sentence: Sentence) -> str:
    """Return a paragraph that repeats figures, from the tables as they are on the pages."""
    tables = [FIGURES[name].pages[0].read_text(encoding="utf-8") for name in sentence.of]
    return sentence.text(*map(rows_of_block, tables, sentence.of))


def write_sentences(figure: str) -> None:
    """Write the paragraphs anew that repeat figures of a table."""
    for name, sentence in SENTENCES.items():
        if figure in sentence.of:
            text = sentence_text(sentence)
            for page in sentence.pages:
                page.write_text(with_block(page.read_text(encoding="utf-8"), name, text), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
