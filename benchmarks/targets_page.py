"""``python -m benchmarks.targets_page``: put the rows of ``targets.csv`` into their page."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.targets import read_results

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "targets.md"
_HEADING = "## What each target reached"
_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
_COLUMNS = (
    "target",
    "CPU",
    "cells",
    "asked, MHz",
    "clock, MHz",
    "Fmax, MHz",
    "seed",
    "synthesis / route / pack, CPU-s",
    "bytes",
)


def cells(row: Mapping[str, str]) -> list[str]:
    """Return what the page shows of one row; a dash where nothing was measured."""
    shown = {key: value or "-" for key, value in row.items()}
    return [
        shown["cpu"],
        shown["cells"],
        shown["requested_mhz"],
        shown["clock_mhz"],
        shown["fmax_mhz"],
        shown["seed"],
        f"{shown['synthesise_cpu_s']} / {shown['route_cpu_s']} / {shown['pack_cpu_s']}",
        shown["bitstream_bytes"],
    ]


def with_results(page: str, results: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page with its table of results exchanged."""
    lines = [
        list(_COLUMNS),
        *([f"`{name}`", *cells(row)] for name, row in sorted(results.items())),
    ]
    table = ["| " + " | ".join(line) + " |\n" for line in lines]
    table.insert(1, "|" + "---|" * len(_COLUMNS) + "\n")
    before, heading, after = page.partition(_HEADING)
    return before + heading + _TABLE.sub(lambda _: "".join(table), after, count=1)


def main() -> int:
    """Rewrite the page."""
    PAGE.write_text(with_results(PAGE.read_text(encoding="utf-8"), read_results()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
