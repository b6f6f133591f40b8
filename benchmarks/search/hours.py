"""What a search finds for each CPU-hour, with ``suggest.budget = "hours"`` and without.

``python -m benchmarks.search.hours --seeds 10`` replays study ``table`` of the recorded example:
all 90 designs of ``configs/table.toml``, of which every stage has a key and the CPU-seconds that it
took to build. A trial of the replay pays for what no trial before it has built, as a real one does.
Printed is the share of the true hypervolume (logarithms) after so many CPU-seconds, a mean over the
seeds, of a random search, of the search by gain, and of the search by gain for cost; then how near
the predicted costs of the random search were to those that were paid.
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from benchmarks.search.chance import half_width
from benchmarks.search.play import Game, Scale, play
from benchmarks.search.table import Table, read_table
from dse.dashboard.example import unpack
from dse.output.report import table_text
from dse.space import Design
from dse.store import Reader
from dse.suggest import Objective, StageRun, Suggester, TrialCost, make_suggester
from dse.suggest.cost import CostModel

OBJECTIVES = (Objective(metric="latency_us"), Objective(metric="lut4"))
_STUDY = "table"
_DESIGNS = 90
_RANDOM, _BY_GAIN, _BY_RATE, _GAIN_OF_RATE = "random", "by gain", "by gain for cost", "difference"
_FIRST = 6
"""Trials after which predictions are compared."""


@dataclass(slots=True)
class Costs:
    """What designs take, when some stages have been built already.

    Attributes:
        stages: By design and stage: key and CPU-seconds to build it.
        there: Stages and keys that were built.
    """

    stages: Mapping[Design, Mapping[str, tuple[str, float]]]
    there: set[tuple[str, str]]

    def trial(self, design: Design) -> TrialCost:
        """Build what is not there yet."""
        runs = {}
        for stage, (key, cpu_s) in self.stages[design].items():
            was_cached = (stage, key) in self.there
            self.there.add((stage, key))
            paid_s = 0.0 if was_cached else cpu_s
            runs[stage] = StageRun(key=key, cpu_s=paid_s, was_cached=was_cached)
        return TrialCost(design=design, stages=runs, is_whole=True)


def main() -> None:
    """Parse the arguments and print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.hours", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="studies of each kind")
    parser.add_argument("--trials", type=int, default=45, help="trials of a study, at most")
    given = parser.parse_args()
    table, games = played(seeds=given.seeds, trials=given.trials)
    print(shares_text(table, games))
    print(predictions_text(table, games[_RANDOM]))


_MARKS_S = (60, 120, 180, 240, 300, 450)
HEADER = ("search", *map(str, _MARKS_S))


def rows(*, seeds: int = 10, trials: int = 36) -> list[list[str]]:
    """Return the share of the true hypervolume after so many CPU-seconds of trials."""
    table, games = played(seeds=seeds, trials=trials)
    shares = shares_after(table, games, _MARKS_S)
    names = {
        _RANDOM: "`random`",
        _BY_GAIN: "`vizier`, by gain",
        _BY_RATE: "`vizier`, by gain for cost",
    }
    found = [
        [name, *(f"{statistics.fmean(column):.3f}" for column in zip(*shares[key], strict=True))]
        for key, name in names.items()
    ]
    gains = np.array(shares[_BY_RATE]) - np.array(shares[_BY_GAIN])
    cells = [f"{gain.mean():.3f} ± {half_width(gain.tolist()):.3f}" for gain in gains.T]
    return [*found, ["difference of the last two", *cells]]


def played(*, seeds: int, trials: int) -> tuple[Table, dict[str, list[Game]]]:
    """Play the recorded study at random, by gain and by gain for cost, with the costs it had."""
    table = read_table(Path(__file__).parent / "imgc_simd.csv", [o.metric for o in OBJECTIVES])
    stages = recorded_stages()
    vizier = make_suggester("vizier")
    games: dict[str, list[Game]] = {}
    try:
        for name, suggester in (
            (_RANDOM, make_suggester("random")),
            (_BY_GAIN, vizier),
            (_BY_RATE, vizier),
        ):
            games[name] = [
                _game(table, stages, suggester, seed, trials, per_cost=name == _BY_RATE)
                for seed in range(seeds)
            ]
    finally:
        vizier.close()
    return table, games


def shares_after(
    table: Table, games: Mapping[str, list[Game]], marks_s: Sequence[float]
) -> dict[str, list[list[float]]]:
    """Return the share of each game, a row, after each budget of CPU-seconds, a column."""
    scale = Scale(table, OBJECTIVES, logarithmic=True)
    return {
        name: [[_share_after(scale, game, mark) for mark in marks_s] for game in each]
        for name, each in games.items()
    }


def recorded_stages() -> dict[Design, dict[str, tuple[str, float]]]:
    """Return the stages of the recorded study, by design: key and CPU-seconds to build it.

    What another study had built before costs as much as the others of its stage, and nothing where
    no trial built any.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = unpack(Path(folder) / "example.db")
        with Reader(place) as reader:
            trials = reader.newest_stages(reader.study(_STUDY).id, most=_DESIGNS)
    built: dict[tuple[str, str], float] = {}
    for trial in trials:
        built |= {
            (each.stage, str(each.key)): each.cpu_s for each in trial.stages if not each.was_cached
        }
    return {
        Design.from_canonical(trial.design_json): {
            each.stage: (str(each.key), _build_s(each.stage, str(each.key), built))
            for each in trial.stages
        }
        for trial in trials
    }


def _build_s(stage: str, key: str, built: Mapping[tuple[str, str], float]) -> float:
    others = [cpu_s for (name, _), cpu_s in built.items() if name == stage]
    return built.get((stage, key), statistics.fmean(others) if others else 0.0)


def _game(
    table: Table,
    stages: Mapping[Design, Mapping[str, tuple[str, float]]],
    suggester: Suggester,
    seed: int,
    trials: int,
    *,
    per_cost: bool,
) -> Game:
    costs = Costs(stages, set())
    return play(
        table,
        suggester,
        OBJECTIVES,
        seed=seed,
        trials=trials,
        cost_of=costs.trial,
        per_cost=per_cost,
    )


def shares_text(table: Table, games: Mapping[str, list[Game]]) -> str:
    """Lay out the shares after budgets of CPU-seconds that every game has spent."""
    most_s = min(sum(map(_paid_s, game.costs)) for each in games.values() for game in each)
    marks = [mark for mark in (60, 120, 180, 240, 300, 450, 600) if mark <= most_s]
    shares = shares_after(table, games, marks)
    told = [
        [name, *(f"{statistics.fmean(column):.3f}" for column in zip(*each, strict=True))]
        for name, each in shares.items()
    ]
    gains = np.array(shares[_BY_RATE]) - np.array(shares[_BY_GAIN])
    cells = [f"{gain.mean():+.3f} ± {half_width(gain.tolist()):.3f}" for gain in gains.T]
    return table_text(["", *(f"{mark} CPU-s" for mark in marks)], [*told, [_GAIN_OF_RATE, *cells]])


def _share_after(scale: Scale, game: Game, budget_s: float) -> float:
    """Return the share of the trials that ended within a budget."""
    ends = accumulate(map(_paid_s, game.costs))
    return scale.share(game.found[: sum(end <= budget_s for end in ends)])


def predictions_text(table: Table, games: list[Game]) -> str:
    """Say how near predictions were, each made before the trial from those before it."""
    pairs = []
    for game in games:
        designs = [o.design for o in game.observations]
        for place in range(_FIRST, len(designs)):
            model = CostModel(table.space, game.costs[:place])
            (predicted,) = model.predict_s([designs[place]]).tolist()
            pairs.append((predicted, _paid_s(game.costs[place])))
    missed = [abs(math.log(predicted / paid)) for predicted, paid in pairs]
    correlation = np.corrcoef(np.log(np.array(pairs)).T)[0, 1]
    return (
        f"\n{len(pairs)} predicted costs, from trial {_FIRST + 1} on: wrong by a factor of"
        f" {math.exp(statistics.median(missed)):.2f} (median),"
        f" {math.exp(float(np.quantile(missed, 0.9))):.2f} (nine in ten);"
        f" correlation of logarithms {correlation:.2f}"
    )


def _paid_s(cost: TrialCost) -> float:
    return sum(run.cpu_s for run in cost.stages.values())


if __name__ == "__main__":
    main()
