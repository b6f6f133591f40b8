"""Every search on every table: ``python -m benchmarks.search.comparison``.

Plays studies, a table, an algorithm and a seed each, and keeps each as a line of ``--state``. What
is there already is not played again, so the command may be stopped and given more seeds, tables or
algorithms; a line counts as long as the table and the sources of its algorithm are what they were.
Printed for each table are the medians over the seeds of the share of the true hypervolume (of
logarithms) after some trials, the tenth percentile after 40, how many trials the median study
takes to 95 %, and the CPU-seconds of a suggestion; ``--plot FILE.svg`` draws the medians.

Algorithms of which a suggestion takes seconds play fewer and shorter studies (``SHORTER``).
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.chance import trials_text, trials_to
from benchmarks.search.play import Scale, play
from benchmarks.search.table import Table, read_table, synthetic_table
from dse.output.drawing.charts import frame
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import SERIES, Drawing
from dse.output.picture import require_picture, write_picture
from dse.output.report import table_text
from dse.suggest import Objective, Suggester, algorithm_names, make_suggester
from runners import ROOT
from runners.pipeline.sources import source_digest

HERE = Path(__file__).parent
OTHERS_TABLES = ROOT.parent / "shared" / "data" / "tables"
"""Tables measured by others (KastnerRG/spector), which are not part of the repository."""
STATE = ROOT / "search-comparison.jsonl"
PICTURE = ROOT / "docs" / "pictures" / "search.svg"
OURS = "vizier"
SEEDS = 10
TRIALS = 60
MARKS = (10, 20, 40, 60)
SPREAD_AT = 40
SHORTER: Mapping[str, tuple[int, int]] = {
    "grid": (1, TRIALS),
    "optuna:gp": (3, TRIALS),
    "vizier:eagle": (2, TRIALS),
    "vizier:gp-ucb-pe": (1, 20),
    "vizier:grid": (2, TRIALS),
    "vizier:nsga2": (2, TRIALS),
    "vizier:quasi-random": (2, TRIALS),
}
"""Seeds and trials, at most: the first takes no seed, of the others a suggestion takes long."""

UNDRAWN = ("grid", "vizier:grid")
"""Walks that learn nothing; there are more searches than colours."""

HEADER = (
    "table",
    "search",
    *(f"{mark} trials" for mark in MARKS),
    f"10th percentile at {SPREAD_AT}",
    "trials to 95 %",
    "CPU-s a suggestion",
    "studies",
)
_PANEL_WIDTH, _PANEL_HEIGHT = 380.0, 250.0
_SUGGEST = ROOT / "dse" / "suggest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """A table with what is sought in it."""

    table: Table
    objectives: tuple[Objective, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A study that was played.

    Attributes:
        table: Name of the table.
        algorithm: As a config writes it.
        seed: Of the study.
        digest: Of the table and of the algorithm's sources.
        shares: Of the true hypervolume (logarithms), after each trial.
        cpu_s: CPU-seconds of each suggestion.
    """

    table: str
    algorithm: str
    seed: int
    digest: str
    shares: tuple[float, ...]
    cpu_s: tuple[float, ...]

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What is not played twice."""
        return self.table, self.algorithm, self.seed, self.digest


def main() -> None:
    """Parse the arguments, play what is missing, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search.comparison", description=__doc__
    )
    parser.add_argument("--state", type=Path, default=STATE, help="lines of JSON")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="studies of each kind")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--algorithms", default=",".join(peers()), help=f"of {algorithm_names()}")
    parser.add_argument("--only", default="", help="tables whose name has this in it")
    parser.add_argument("--plot", type=Path, help="draw the medians to an SVG or PNG file")
    given = parser.parse_args()
    if given.plot is not None:
        require_picture(given.plot)
    os.nice(10)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch: threads that wait spend CPU-seconds
    chosen = [arena for arena in arenas() if given.only in arena.table.name]
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    games = played(given.state, chosen, given.algorithms.split(","), seeds)
    print(table_text(list(HEADER), table_rows(games)))
    print("\n" + "\n".join(verdicts(games)))
    if given.plot is not None:
        write_picture(drawing(games), given.plot)


def peers() -> tuple[str, ...]:
    """Return all algorithms, ours first."""
    return algorithm_names()


def rows() -> list[list[str]]:
    """Return the table that the pages have, and draw their picture; plays what is missing."""
    games = played(STATE, arenas(), peers(), range(SEEDS))
    write_picture(drawing(games), PICTURE)
    return table_rows(games)


def arenas() -> tuple[Arena, ...]:
    """Return the tables of this folder, the made-up one, and those of others where they are."""
    own = _objectives(("latency_us", "lut4"))
    found = [
        Arena(table=read_table(path, [o.metric for o in own]), objectives=own)
        for path in sorted(HERE.glob("*.csv"))
    ]
    found.append(Arena(table=synthetic_table(), objectives=own))
    theirs = _objectives(("time_ms", "logic"))
    found += [
        Arena(table=read_table(path, [o.metric for o in theirs]), objectives=theirs)
        for path in sorted(OTHERS_TABLES.glob("*.csv"))
    ]
    return tuple(found)


def played(
    state: Path, chosen: Sequence[Arena], algorithms: Sequence[str], seeds: Iterable[int]
) -> list[Played]:
    """Return a study for each table, algorithm and seed: from the state, or played and added to it.

    Seeds come one after the other, so that a run that is stopped has the same number of each.
    """
    known = {each.key: each for each in _read(state)}
    found = []
    for seed in seeds:
        for name in algorithms:
            most_seeds, trials = SHORTER.get(name, (sys.maxsize, TRIALS))
            if seed >= most_seeds:
                continue
            for arena in chosen:
                digest = _digest(arena, name)
                game = known.get((arena.table.name, name, seed, digest))
                if game is None:
                    game = _play(arena, name, seed, trials, digest)
                    with state.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(game)) + "\n")
                    print(f"{arena.table.name}, {name}, seed {seed}", file=sys.stderr, flush=True)
                found.append(game)
    return found


def table_rows(games: Sequence[Played]) -> list[list[str]]:
    """Return a row for each table and algorithm, best first after 40 trials."""
    rows = []
    for table, courses in _by_table(games):
        ranked = sorted(courses.items(), key=lambda item: -_median_at(item[1], SPREAD_AT))
        for algorithm, each in ranked:
            costs = [cost for game in games for cost in game.cpu_s if _is(game, table, algorithm)]
            low = "" if len(each) < 2 else _share(np.quantile(_at(each, SPREAD_AT), 0.1))
            if each.shape[1] < SPREAD_AT:
                low = ""
            rows.append(
                [
                    table,
                    f"`{algorithm}`",
                    *(_share(_median_at(each, m)) if m <= each.shape[1] else "" for m in MARKS),
                    low,
                    trials_text(trials_to(each), each.shape[1]),
                    f"{statistics.fmean(costs):.2f}",
                    str(len(each)),
                ]
            )
    return rows


def verdicts(games: Sequence[Played]) -> Iterator[str]:
    """Yield a line for each table: what ours is beside the best of the others."""
    for table, courses in _by_table(games):
        ours = courses.get(OURS)
        others = {name: each for name, each in courses.items() if name != OURS}
        if ours is None or not others:
            continue
        own = trials_to(ours)
        best, name = min((trials_to(each), name) for name, each in others.items())
        ten = {name: _median_at(each, 10) for name, each in others.items()}
        low = float(np.quantile(_at(ours, SPREAD_AT), 0.1))
        least = min(SPREAD_AT, ours.shape[1])
        full = {n: each for n, each in others.items() if each.shape[1] >= least}
        at_40, name_40 = max((_median_at(each, SPREAD_AT), n) for n, each in full.items())
        yield (
            f"{table}: 95 % after {trials_text(own, ours.shape[1])} trials,"
            f" the best other ({name}) after {trials_text(best, others[name].shape[1])};"
            f" after 10 trials {_median_at(ours, 10):.3f},"
            f" random {ten.get('random', float('nan')):.3f};"
            f" 10th percentile at {SPREAD_AT} {low:.3f}, the best other median ({name_40})"
            f" {at_40:.3f}"
        )


def drawing(games: Sequence[Played]) -> Drawing:
    """Draw the median courses, a panel for each table; the names stand below, in their colours."""
    tables = list(_by_table(games))
    names = sorted({game.algorithm for game in games}, key=lambda name: (name != OURS, name))
    names = [name for name in names if name not in UNDRAWN][: len(SERIES)]
    kinds = {name: place for place, name in enumerate(names)}
    across = 2
    down = -(-len(tables) // across)
    picture = Drawing(across * _PANEL_WIDTH, down * _PANEL_HEIGHT + 60, "Searches on tables")
    for place, (table, courses) in enumerate(tables):
        left, top = place % across * _PANEL_WIDTH, place // across * _PANEL_HEIGHT
        x = Axis(low=0.0, high=float(TRIALS), start=left + 46, end=left + _PANEL_WIDTH - 14)
        y = Axis(low=0.0, high=1.05, start=top + _PANEL_HEIGHT - 34, end=top + 28)
        picture.text(left + 46, top + 18, table, "c-head")
        frame(picture, x, y, percent=True)
        for algorithm in (name for name in names if name in courses):
            middle = np.median(courses[algorithm], axis=0)
            steps = (f"{x.at(n):.1f} {y.at(v):.1f}" for n, v in enumerate(middle, start=1))
            picture.path("M" + "L".join(steps), f"c-series-line-{kinds[algorithm]}")
    for place, name in enumerate(names):
        left, top = 46 + place % 5 * 142.0, down * _PANEL_HEIGHT + 14 + place // 5 * 20
        picture.rect(left, top - 8, 14, 6, f"c-series-mark-{kinds[name]}")
        picture.text(left + 20, top, name)
    return picture


def _objectives(metrics: Sequence[str]) -> tuple[Objective, ...]:
    return tuple(Objective(metric=metric) for metric in metrics)


def _by_table(games: Sequence[Played]) -> Iterator[tuple[str, dict[str, NDArray[np.float64]]]]:
    """Yield each table with the courses of its algorithms, studies x trials."""
    for table in dict.fromkeys(game.table for game in games):
        names = dict.fromkeys(game.algorithm for game in games if game.table == table)
        yield (
            table,
            {
                name: np.array([game.shares for game in games if _is(game, table, name)])
                for name in names
            },
        )


def _is(game: Played, table: str, algorithm: str) -> bool:
    return game.table == table and game.algorithm == algorithm


def _at(courses: NDArray[np.float64], trial: int) -> NDArray[np.float64]:
    """Return the shares after a trial; of a shorter study, at its end."""
    return courses[:, min(trial, courses.shape[1]) - 1]


def _median_at(courses: NDArray[np.float64], trial: int) -> float:
    return float(np.median(_at(courses, trial)))


def _share(value: float) -> str:
    return f"{value:.3f}"


def _read(state: Path) -> Iterator[Played]:
    if not state.exists():
        return
    for line in state.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        yield Played(**{**told, "shares": tuple(told["shares"]), "cpu_s": tuple(told["cpu_s"])})


def _play(arena: Arena, name: str, seed: int, trials: int, digest: str) -> Played:
    suggester = _suggester(name)
    most = min(trials, len(arena.table.results))
    game = play(arena.table, suggester, arena.objectives, seed=seed, trials=most)
    scale = Scale(arena.table, arena.objectives, logarithmic=True)
    found = game.found
    return Played(
        table=arena.table.name,
        algorithm=name,
        seed=seed,
        digest=digest,
        shares=tuple(round(scale.share(found[:n]), 5) for n in range(1, len(found) + 1)),
        cpu_s=tuple(round(cost, 4) for cost in game.cpu_s),
    )


@cache
def _suggester(name: str) -> Suggester:
    return make_suggester(name)  # its process ends with this one


def _digest(arena: Arena, name: str) -> str:
    return sha256(f"{_table_digest(arena)} {_sources_digest(name)}".encode()).hexdigest()[:16]


def _table_digest(arena: Arena) -> str:
    rows = sorted((d.canonical, repr(v)) for d, v in arena.table.results.items())
    return sha256(repr((rows, arena.objectives)).encode()).hexdigest()


@cache
def _sources_digest(name: str) -> str:
    """Return a hash of what an algorithm's suggestions follow from."""
    file = _SUGGEST / "algorithms" / f"{name.replace(':', '__').replace('-', '_')}.py"
    shared = [_SUGGEST / "orders.py"]
    if ":" in name:
        shared += [_SUGGEST / "guests", _SUGGEST / "starting.py"]
    elif name == OURS:
        shared = sorted(path for path in _SUGGEST.glob("*.py"))
    return " ".join(source_digest(path) for path in (file, *shared))


if __name__ == "__main__":
    main()
