"""Compares search algorithms on a table of measurements.

``python -m benchmarks.search --table FILE.csv --seeds 10 --trials 40`` prints, for each algorithm,
the share of the true hypervolume after 10, 20, ... trials with a 95 % confidence interval over the
seeds, the difference from random, and the CPU-seconds of a suggestion.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.search.play import Game, Scale, play
from benchmarks.search.table import Table, read_table, synthetic_table
from dse.suggest import Objective, algorithm_names, make_suggester

_STEP = 10


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
    given = parser.parse_args()
    objectives = tuple(_objective(text) for text in given.objectives.split(","))
    metrics = [objective.metric for objective in objectives]
    table = read_table(given.table, metrics) if given.table else synthetic_table()
    compare(
        table,
        objectives,
        given.algorithms.split(","),
        seeds=given.seeds,
        trials=min(given.trials, len(table.results)),
    )


def compare(
    table: Table,
    objectives: tuple[Objective, ...],
    algorithms: Sequence[str],
    *,
    seeds: int,
    trials: int,
) -> None:
    """Play every algorithm with every seed and print what came out."""
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
    half = _student_95(len(column) - 1) * statistics.stdev(column) / math.sqrt(len(column))
    return f" | {mark:3}: {mean:+.3f} ± {half:.3f}"


def _student_95(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's distribution."""
    from scipy.stats import t  # type: ignore[import-untyped]

    return float(t.ppf(0.975, freedom))


if __name__ == "__main__":
    main()
