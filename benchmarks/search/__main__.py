"""Compares search algorithms on a table of measurements.

``python -m benchmarks.search --table FILE.csv --seeds 10 --trials 40`` prints, for each algorithm,
the share of the true hypervolume after 10, 20, ... trials with a 95 % confidence interval over the
seeds, the difference from random, and the CPU-seconds of a suggestion; then one line for each with
the median and the tenth percentile over the seeds, and how many trials the median study takes to
95 % of the true hypervolume. ``--plot FILE.svg`` draws the medians.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.chance import half_width, trials_text, trials_to
from benchmarks.search.play import Game, Scale, play
from benchmarks.search.table import Table, read_table, synthetic_table
from dse.output.drawing.charts import frame
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import Drawing
from dse.output.picture import require_picture, write_picture
from dse.output.report import table_text
from dse.suggest import Objective, algorithm_names, make_suggester

_STEP = 10
_WIDTH, _HEIGHT = 760.0, 420.0


def main() -> None:
    """Parse the arguments and print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--table", type=Path, help="CSV of all designs; default: a made-up table")
    parser.add_argument("--seeds", type=int, default=10, help="studies per algorithm")
    parser.add_argument("--trials", type=int, default=40, help="trials per study")
    parser.add_argument("--objectives", default="latency_us,lut4", help="metrics, -x to maximise x")
    parser.add_argument(
        "--algorithms", default="random,grid,vizier", help=f"of {algorithm_names()}"
    )
    parser.add_argument("--plot", type=Path, help="draw the medians to an SVG or PNG file")
    given = parser.parse_args()
    if given.plot is not None:
        require_picture(given.plot)
    objectives = tuple(_objective(text) for text in given.objectives.split(","))
    metrics = [objective.metric for objective in objectives]
    table = read_table(given.table, metrics) if given.table else synthetic_table()
    trials = min(given.trials, len(table.results))
    courses = compare(
        table, objectives, given.algorithms.split(","), seeds=given.seeds, trials=trials
    )
    print("\n" + summary_text(courses, trials))
    if given.plot is not None:
        write_picture(courses_drawing(courses, table.name), given.plot)


Courses = Mapping[str, NDArray[np.float64]]
"""Algorithm to the share of the true hypervolume, seeds x trials, on the scale of ``compare``."""


HEADER = ("search", "10 trials", "20", "30", "40")
_MEASURED = Path(__file__).parent / "imgc_simd.csv"
_TOLD = ("random", "grid", "optuna:tpe", "vizier")


def rows(*, seeds: int = 12) -> list[list[str]]:
    """Return the share of the true hypervolume of logarithms on the measured table, by trials."""
    objectives = (Objective(metric="latency_us"), Objective(metric="lut4"))
    table = read_table(_MEASURED, [objective.metric for objective in objectives])
    scale = Scale(table, objectives, logarithmic=True)
    marks = [10, 20, 30, 40]
    found = []
    for algorithm in _TOLD:
        games = _games(table, objectives, algorithm, seeds=seeds, trials=max(marks))
        shares = [[scale.share(game.found[:mark]) for mark in marks] for game in games]
        cells = [_share_cell(column) for column in zip(*shares, strict=True)]
        found.append([f"`{algorithm}`", *cells])
    return found


def _share_cell(column: Sequence[float]) -> str:
    mean = f"{statistics.fmean(column):.3f}"
    return mean if len(column) < 2 else f"{mean} ± {half_width(column):.3f}"


def summary_text(courses: Courses, trials: int) -> str:
    """Lay out the medians, the tenth percentiles, and the trials to 95 % of the whole."""
    marks = [mark for mark in (10, 20, 40, 60) if mark <= trials]
    rows = []
    for algorithm, shares in courses.items():
        at = shares[:, [mark - 1 for mark in marks]]
        low, middle = np.quantile(at, 0.1, axis=0), np.median(at, axis=0)
        cells = [f"{m:.3f} ({p:.3f})" for m, p in zip(middle, low, strict=True)]
        rows.append([algorithm, *cells, trials_text(trials_to(shares), trials)])
    header = ["median (10th percentile)", *(f"{mark} trials" for mark in marks), "to 95 %"]
    return table_text(header, rows)


def courses_drawing(courses: Courses, title: str) -> Drawing:
    """Draw the median course of each algorithm, its name at its end."""
    drawing = Drawing(_WIDTH, _HEIGHT, f"Share of the true hypervolume, {title}")
    trials = max(shares.shape[1] for shares in courses.values())
    across = Axis(low=0.0, high=float(trials), start=56, end=_WIDTH - 150)
    upward = Axis(low=0.0, high=1.05, start=_HEIGHT - 44, end=30)
    drawing.text(10, 18, drawing.title, "c-head")
    frame(drawing, across, upward, percent=True)
    drawing.text((across.start + across.end) / 2, _HEIGHT - 8, "trials", "mid c-soft")
    taken: list[float] = []
    best_first = sorted(courses.items(), key=lambda item: -float(np.median(item[1][:, -1])))
    for algorithm, shares in best_first:
        middle = np.median(shares, axis=0)
        steps = (f"{across.at(n):.1f} {upward.at(y):.1f}" for n, y in enumerate(middle, start=1))
        drawing.path("M" + "L".join(steps), "c-line" if algorithm == "vizier" else "c-cross")
        y = upward.at(float(middle[-1])) + 4
        while any(abs(y - other) < 13 for other in taken):
            y += 2
        taken.append(y)
        drawing.text(across.end + 6, y, algorithm)
    return drawing


def compare(
    table: Table,
    objectives: tuple[Objective, ...],
    algorithms: Sequence[str],
    *,
    seeds: int,
    trials: int,
) -> Courses:
    """Play every algorithm with every seed and print what came out.

    Returns:
        The courses of the last scale: of logarithms where all values are positive.
    """
    courses: dict[str, NDArray[np.float64]] = {}
    scales = {"linear": Scale(table, objectives, logarithmic=False)}
    feasible = [values for values in table.results.values() if values is not None]
    if all(values[o.metric] > 0 for values in feasible for o in objectives):
        scales["logarithmic"] = Scale(table, objectives, logarithmic=True)
    print(f"table {table.name}: {len(table.results)} designs, {len(feasible)} feasible,")
    print(f"{scales['linear'].front_size} points on the true front of", end=" ")
    print(", ".join(f"{o.metric} ({o.goal})" for o in objectives))
    marks = sorted({*range(_STEP, trials + 1, _STEP), trials})
    shares: dict[tuple[str, str], list[list[float]]] = {}
    for algorithm in algorithms:
        games = _games(table, objectives, algorithm, seeds=seeds, trials=trials)
        # grid takes no seed, so one game says all
        print(f"\n{algorithm}: {len(games)} studies, {_cost(games)}")
        *_, last = scales.values()
        courses[algorithm] = np.array([_course(last, game, trials) for game in games])
        for name, scale in scales.items():
            rows = [[scale.share(game.found[:mark]) for mark in marks] for game in games]
            shares[algorithm, name] = rows
            print(f"  {name:12}" + "".join(_cell(mark, c) for mark, c in _columns(marks, rows)))
            base = shares.get(("random", name))
            if base is not None and len(base) == len(rows) and algorithm != "random":
                gain = [
                    [a - b for a, b in zip(*pair, strict=True)]
                    for pair in zip(rows, base, strict=True)
                ]
                cells = "".join(_cell(mark, c) for mark, c in _columns(marks, gain))
                print(f"  {'- random':12}" + cells, flush=True)
    return courses


def _course(scale: Scale, game: Game, trials: int) -> list[float]:
    """Return the share after each trial; a game that ran out of designs stays where it is."""
    found = game.found
    return [scale.share(found[: min(n, len(found))]) for n in range(1, trials + 1)]


def _games(
    table: Table, objectives: tuple[Objective, ...], algorithm: str, *, seeds: int, trials: int
) -> list[Game]:
    suggester = make_suggester(algorithm)
    try:
        return [
            play(table, suggester, objectives, seed=seed, trials=trials)
            for seed in range(1 if algorithm == "grid" else seeds)
        ]
    finally:
        suggester.close()


def _objective(text: str) -> Objective:
    if text.startswith("-"):
        return Objective(metric=text[1:], goal="maximise")
    return Objective(metric=text)


def _cost(games: Sequence[Game]) -> str:
    costs = [cost for game in games for cost in game.cpu_s]
    # start-up and compilation show in the mean, not in the median
    mean, median = statistics.fmean(costs), statistics.median(costs)
    return f"CPU-s per suggestion: mean {mean:.3f}, median {median:.3f}, most {max(costs):.1f}"


def _columns(
    marks: Sequence[int], rows: Sequence[Sequence[float]]
) -> list[tuple[int, tuple[float, ...]]]:
    return list(zip(marks, zip(*rows, strict=True), strict=True))


def _cell(mark: int, column: Sequence[float]) -> str:
    mean = statistics.fmean(column)
    if len(column) < 2:
        return f" | {mark:3}: {mean:+.3f}        "
    return f" | {mark:3}: {mean:+.3f} ± {half_width(column):.3f}"


if __name__ == "__main__":
    main()
