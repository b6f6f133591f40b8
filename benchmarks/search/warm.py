"""What ``suggest.learn_from`` gains where another study helps, and costs where it does not.

``python -m benchmarks.search.warm --seeds 10 --trials 20`` plays studies on tables of measurements,
each without another study and with one of ``--earlier`` random designs. The other one is of another
network and board, of another objective, of shuffled results, or of results turned upside down:
what was best is worst. Printed is the share of the true hypervolume of logarithms, a mean over the
seeds, and the difference with its 95 % interval.
"""

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.search.chance import half_width
from benchmarks.search.play import Game, Scale, play
from benchmarks.search.synthetic import FIRST, OTHER, Situation, small_space, synthetic_metrics
from benchmarks.search.table import Table, read_table
from dse.output.report import table_text
from dse.suggest import EarlierStudy, History, Objective, Suggester, make_suggester

_HERE = Path(__file__).parent
Objectives = tuple[Objective, ...]
Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A table to search, and one to have searched before.

    Attributes:
        name: What the other table is.
        table: To be searched.
        objectives: Of the search.
        other: The same designs, measured otherwise.
        other_objectives: Of the study before.
    """

    name: str
    table: Table
    objectives: Objectives
    other: Table
    other_objectives: Objectives


def main() -> None:
    """Parse the arguments and print what came out of each pair."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.warm", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="studies of each kind")
    parser.add_argument("--trials", type=int, default=20, help="trials of a study")
    parser.add_argument("--earlier", type=int, default=40, help="designs of the study before")
    parser.add_argument(
        "--table", action="append", default=[], type=Path, help="a further CSV: time_ms and logic"
    )
    parser.add_argument("--only", default="", help="pairs whose name has this in it")
    given = parser.parse_args()
    marks = [mark for mark in (6, 10, 20, 30, 40) if mark <= given.trials]
    rows: list[list[str]] = []
    cold: dict[str, list[list[float]]] = {}
    suggester = make_suggester("vizier")
    try:
        for pair in pairs(given.table):
            if given.only not in pair.name:
                continue
            if pair.table.name not in cold:
                cold[pair.table.name] = _shares(pair, suggester, marks, [()] * given.seeds)
            studies = [
                (_study_before(pair, seed=seed, trials=given.earlier),)
                for seed in range(given.seeds)
            ]
            warm = _shares(pair, suggester, marks, studies)
            rows += _text(pair.name, cold[pair.table.name], warm)
            print(*rows[-1], pair.name, sep=" | ", file=sys.stderr, flush=True)
    finally:
        suggester.close()
    print(table_text(["", *(f"{mark} trials" for mark in marks)], rows))


HEADER = ("the other study", "6 trials", "10 trials", "20 trials")
_MADE_UP = {
    "made up, from another network and board": "of another network and board",
    "made up, from shuffled results": "of shuffled results",
    "made up, from results upside down": "of results upside down",
}


def rows(*, seeds: int = 10, designs_before: int = 40) -> list[list[str]]:
    """Return what the search of the made-up table gains by each other study."""
    marks, found = [6, 10, 20], []
    suggester = make_suggester("vizier")
    cold: list[list[float]] = []
    try:
        for pair in pairs(()):
            if pair.name not in _MADE_UP:
                continue
            cold = cold or _shares(pair, suggester, marks, [()] * seeds)
            before = [
                (_study_before(pair, seed=seed, trials=designs_before),) for seed in range(seeds)
            ]
            *_, gains = _text(pair.name, cold, _shares(pair, suggester, marks, before))
            found.append([_MADE_UP[pair.name], *gains[1:]])
    finally:
        suggester.close()
    return found


def pairs(tables: Iterable[Path]) -> Iterable[Pair]:
    """Yield the made-up table, the measured one of this folder, and others."""
    two = (Objective(metric="latency_us"), Objective(metric="lut4"))
    made_up, other = _made_up(FIRST), _made_up(OTHER)
    yield _pair("made up, from another network and board", made_up, two, other)
    yield from _useless("made up", made_up, two)
    path = _HERE / "imgc_simd.csv"
    imgc = read_table(path, ["latency_us", "lut4", "ff"])
    area = (Objective(metric="latency_us"), Objective(metric="ff"))
    yield _pair("imgc_simd, from latency_us and ff", imgc, two, imgc, area)
    yield from _useless("imgc_simd", imgc, two)
    for path in tables:
        table = read_table(path, ["time_ms", "logic"])
        objectives = (Objective(metric="time_ms"), Objective(metric="logic"))
        name = path.stem
        only_time = _changed(table, lambda rows: [{"time_ms": r["time_ms"]} for r in rows])
        yield _pair(f"{name}, from time_ms alone", table, objectives, only_time, objectives[:1])
        yield from _useless(name, table, objectives)


def _made_up(given: Situation) -> Table:
    """Return a part of the made-up table: the same lessons for less time."""
    space = small_space().restricted({"multiplier": "pipelined", "branch_prediction": "none"})
    results = {design: synthetic_metrics(design, given) for design in space.enumerate()}
    return Table(name="made up", space=space, results=results)


def _useless(name: str, table: Table, objectives: Objectives) -> Iterable[Pair]:
    """Yield pairs of which the other study leads astray."""
    shuffled = _changed(table, lambda rows: random.Random(1).sample(rows, len(rows)))
    yield _pair(f"{name}, from shuffled results", table, objectives, shuffled)
    yield _pair(f"{name}, from results upside down", table, objectives, _upside_down(table))


def _pair(
    name: str,
    table: Table,
    objectives: Objectives,
    other: Table,
    other_objectives: Objectives | None = None,
) -> Pair:
    return Pair(
        name=name,
        table=table,
        objectives=objectives,
        other=other,
        other_objectives=other_objectives or objectives,
    )


def _changed(table: Table, change: Callable[[list[Metrics]], list[Metrics]]) -> Table:
    """Return a table with other results of the feasible designs."""
    feasible = [design for design, values in table.results.items() if values is not None]
    changed = change([values for values in table.results.values() if values is not None])
    return replace(
        table,
        results={**dict.fromkeys(table.results), **dict(zip(feasible, changed, strict=True))},
    )


def _upside_down(table: Table) -> Table:
    def turned(rows: list[Metrics]) -> list[Metrics]:
        products = {
            name: min(r[name] for r in rows) * max(r[name] for r in rows) for name in rows[0]
        }
        return [{name: products[name] / value for name, value in row.items()} for row in rows]

    return _changed(table, turned)


def _shares(
    pair: Pair,
    suggester: Suggester,
    marks: Sequence[int],
    earlier: Sequence[tuple[EarlierStudy, ...]],
) -> list[list[float]]:
    """Return a row for each seed: the share of the hypervolume after so many trials."""
    scale = Scale(pair.table, pair.objectives, logarithmic=True)
    games = [
        play(pair.table, suggester, pair.objectives, seed=seed, trials=max(marks), earlier=each)
        for seed, each in enumerate(earlier)
    ]
    return [[scale.share(game.found[:mark]) for mark in marks] for game in games]


def _study_before(pair: Pair, *, seed: int, trials: int) -> EarlierStudy:
    # another seed: two studies of one would begin with the same random designs
    drawn = play(
        pair.other, make_suggester("random"), pair.other_objectives, seed=1000 + seed, trials=trials
    )
    return EarlierStudy(
        name="before",
        objectives=pair.other_objectives,
        observations=_history(drawn, pair.other_objectives),
    )


def _text(name: str, cold: list[list[float]], warm: list[list[float]]) -> list[list[str]]:
    columns = list(zip(zip(*cold, strict=True), zip(*warm, strict=True), strict=True))
    gains = [[after - before for before, after in zip(*each, strict=True)] for each in columns]
    return [
        [name, *(f"{statistics.fmean(before):.3f}" for before, _ in columns)],
        ["  with it", *(f"{statistics.fmean(after):.3f}" for _, after in columns)],
        ["  gain", *(f"{statistics.fmean(gain):+.3f} ± {half_width(gain):.3f}" for gain in gains)],
    ]


def _history(game: Game, objectives: Objectives) -> History:
    return History(tuple(o.metric for o in objectives)).extended(
        (o.design.canonical, o.values) for o in game.observations
    )


if __name__ == "__main__":
    main()
