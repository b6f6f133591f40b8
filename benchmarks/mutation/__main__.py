"""Change the modules that decide things, a little at a time, and see whether their tests notice.

`make mutants` runs this; what was judged already is not judged again. A module is named by its
path or a part of it.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutation.changes import Change, changes_of
from benchmarks.mutation.deciders import DECIDERS
from benchmarks.mutation.records import (
    Done,
    Equivalent,
    Score,
    by_module,
    page,
    read_equivalents,
)
from benchmarks.mutation.workshop import ROOT, Workshop

_PAGE = ROOT / "docs/reference/mutants.md"


def main() -> None:
    """Print a line for each change that no test noticed, then the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--budget", type=float, default=3600, metavar="S", help="seconds (3600)")
    parser.add_argument("--most", type=int, default=10_000, help="changes of a module")
    parser.add_argument("--done", type=Path, default=ROOT / "mutants.jsonl", metavar="FILE")
    parser.add_argument("--page", action="store_true", help=f"write {_PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the copy is removed
    done = Done(given.done)
    modules = by_module(DECIDERS, given.modules)
    end_s = time.monotonic() + given.budget
    for left, module in zip(range(len(modules), 0, -1), modules, strict=True):
        now_s = time.monotonic()
        if now_s >= end_s:
            break
        _judge(module, done=done, most=given.most, until_s=now_s + (end_s - now_s) / left)
    scores = [_score(module, done) for module in DECIDERS]
    before = _PAGE.read_text() if _PAGE.exists() else ""
    text = page(scores, read_equivalents(), before=before)
    print(text)
    if given.page:
        _PAGE.write_text(text)


def _judge(module: str, *, done: Done, most: int, until_s: float) -> None:
    """Judge as many changes of a module as there is time for."""
    tests = DECIDERS[module]
    changes = changes_of((ROOT / module).read_text())[:most]
    open_changes = [
        change
        for change in changes
        if done.verdict(module, change, tests) is None and not _is_equivalent(module, change)
    ]
    if not open_changes:
        _say_missed(module, changes, done)
        return
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, Workshop(Path(folder)) as shop:
        try:
            baseline = shop.baseline(module, tests)
        except RuntimeError as error:  # the other modules can be judged all the same
            print(error, file=sys.stderr)
            return
        seconds = sum(baseline.seconds.values())
        print(f"{module}: {len(open_changes)} changes, tests of {seconds:.1f} s", file=sys.stderr)
        for change in open_changes:
            if time.monotonic() > until_s:
                print(f"{module}: no time left", file=sys.stderr)
                break
            done.add(module, change, tests, shop.judge(module, change, baseline))
    _say_missed(module, changes, done)


def _say_missed(module: str, changes: Sequence[Change], done: Done) -> None:
    for change in sorted(changes, key=lambda change: change.first_line):
        verdict = done.verdict(module, change, DECIDERS[module])
        if verdict is not None and not verdict.is_noticed and not _is_equivalent(module, change):
            where = f"{module}:{change.first_line} ({change.function})"
            print(f"{where}: {change.what}\n    {change.code}", flush=True)


def _is_equivalent(
    module: str, change: Change, known: Sequence[Equivalent] = read_equivalents()
) -> bool:
    return any(each.is_of(module, change) for each in known)


def _score(module: str, done: Done) -> Score:
    changes = changes_of((ROOT / module).read_text())
    equivalent = [change for change in changes if _is_equivalent(module, change)]
    verdicts = [
        done.verdict(module, change, DECIDERS[module])
        for change in changes
        if change not in equivalent
    ]
    noticed = sum(verdict is not None and verdict.is_noticed for verdict in verdicts)
    missed = sum(verdict is not None and not verdict.is_noticed for verdict in verdicts)
    return Score(
        module=module,
        possible=len(changes),
        noticed=noticed,
        equivalent=len(equivalent),
        missed=missed,
    )


if __name__ == "__main__":
    main()
