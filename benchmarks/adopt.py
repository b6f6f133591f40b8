"""``python -m benchmarks.adopt [FOLDER ...]``: from a folder of CFU-Playground to a first front.

Each folder is adopted and its study run for some trials, in a cache of its own that set-up has
filled. Without folders it takes the project of the tests and the example of the page.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.pages import page_table
from dse.commands.adopted_files import FAMILY_FILE, HARDWARE, KERNELS, STUDY_FILE

ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "tests" / "adopt" / "project"
ADOPTED_PAGE = ROOT / "docs" / "how-to" / "coming-from-cfu-playground.md"
BY_HAND_PAGE = ROOT / "docs" / "how-to" / "add-a-cfu-family.md"
HEADER = (
    "project",
    "its lines: hardware, kernels",
    "written by a person",
    "written by `adopt`",
    "`adopt`, s",
    "the trials, s",
    "CPU-s of both",
)
_BLOCK = re.compile(r"```(verilog|cpp|python|c)\n(?://|#|/\*) (\S+).*?\n(.*?)```", re.DOTALL)


def blocks(page: Path) -> dict[str, str]:
    """Return the files that stand in a page, by their names."""
    text = page.read_text(encoding="utf-8")
    return {name: body for _, name, body in _BLOCK.findall(text)}


def lines_by_hand() -> Mapping[str, int]:
    """Return the lines of each file but the Verilog that a family written by hand has.

    It is the example of the page that says how: one instruction, one kernel.
    """
    wanted = (
        "dotter.py",
        "dotter_kernels/fully_connected.c.j2",
        "dotter_kernels/cfu_emulation.c.j2",
    )
    found = blocks(BY_HAND_PAGE)
    return {name: _lines(found[name]) for name in wanted}


def measure(project: Path, *, trials: int, folder: Path) -> list[str]:
    """Adopt a project and run its study; return the cells of a row.

    Args:
        project: Its folder.
        trials: Of the study.
        folder: Empty; everything is written there.

    Raises:
        CalledProcessError: A command failed.
    """
    out = folder / "family"
    before = _cpu_s()
    adopting_s = _run("adopt", str(project), "--out", str(out))
    running_s = _run(
        *("start", str(out / STUDY_FILE), "--trials", str(trials)),
        *("--db", str(folder / "results.db")),
    )
    cpu_s = _cpu_s() - before
    written = {name: _lines((out / name).read_text()) for name in (FAMILY_FILE, STUDY_FILE)}
    return [
        project.name,
        f"{_lines_below(out / HARDWARE)}, {_lines_below(out / KERNELS)}",
        "0",
        ", ".join(f"{name} {count}" for name, count in written.items()),
        f"{adopting_s:.0f}",
        f"{running_s:.0f}",
        f"{cpu_s:.0f}",
    ]


def _run(*words: str) -> float:
    begin_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "dse.study", *words], cwd=ROOT, check=True)
    return time.monotonic() - begin_s


def _cpu_s() -> float:
    """Return the CPU-seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _lines_below(folder: Path) -> int:
    """Return the lines of a folder's files, empty ones not counted."""
    paths = (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ()
    return sum(_lines(path.read_text(errors="replace")) for path in paths)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each folder and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adopt", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--trials", type=int, default=4, help="of each study (4)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dse-adopt-") as temporary:
        scratch = Path(temporary)
        os.environ["DSE_CACHE_DIR"] = str(scratch / "cache")
        for name, text in blocks(ADOPTED_PAGE).items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_text(text)
        subprocess.run([sys.executable, "-m", "runners.prepare"], cwd=ROOT, check=True)
        rows = [
            measure(folder.resolve(), trials=given.trials, folder=scratch / f"of-{number}")
            for number, folder in enumerate(given.folders or [scratch / "four_macs", PROJECT])
        ]
    by_hand = lines_by_hand()
    print(page_table(list(HEADER), rows))
    print("a family by hand:", ", ".join(f"{name} {count}" for name, count in by_hand.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
