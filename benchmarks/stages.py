"""Prints what the trials of a study cost, by stage.

``python -m benchmarks.stages STUDY --db results.db``: for each stage how often it ran and how
often its artefact was there already, its median and largest cost; then whole trials, and what the
service itself took of them: the time of an attempt outside of every stage.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from contracts.measurement import StageTime
from dse.output.report import table_text
from dse.store import Store, TrialDetail


def measured_trials(db: Path, study_name: str) -> list[TrialDetail]:
    """Return the ended trials that were measured, not reused."""
    with Store(db) as store:
        study = store.study(study_name)
        return [
            store.detail(study, result.trial.number)
            for result in store.results(study.id)
            if result.reused_from is None and result.trial.ended_s is not None
        ]


def stage_table(times: Sequence[StageTime]) -> str:
    """Lay out the cost of each stage over all trials."""
    by_stage: dict[str, list[StageTime]] = defaultdict(list)
    for time in times:
        by_stage[time.stage].append(time)
    rows = []
    for stage, found in by_stage.items():
        ran = [time for time in found if not time.cached]
        row = [stage, str(len(ran)), str(len(found) - len(ran))]
        for values in ([t.wall_s for t in ran], [t.cpu_s for t in ran]):
            row += [f"{statistics.median(values):.1f}", f"{max(values):.1f}"] if ran else ["", ""]
        rows.append(row)
    header = ["stage", "ran", "cached", "wall s", "worst", "CPU s", "worst"]
    return table_text(header, rows)


def trial_table(trials: Sequence[TrialDetail]) -> str:
    """Lay out the cost of whole trials and of the service around their stages."""
    walls, cpus, services = [], [], []
    for trial in trials:
        last = trial.attempts[-1]
        if last.ended_s is None or not trial.measurement.layers:
            continue  # not completed: it ended in the middle of a stage
        wall_s = last.ended_s - last.started_s
        times = trial.measurement.stage_times
        walls.append(wall_s)
        cpus.append(sum(time.cpu_s for time in times))
        services.append(wall_s - sum(time.wall_s for time in times))
    rows = [
        [name, f"{min(values):.2f}", f"{statistics.median(values):.2f}", f"{max(values):.2f}"]
        for name, values in (
            ("trial, wall s", walls),
            ("trial, CPU s", cpus),
            ("service around the stages, wall s", services),
        )
    ]
    return table_text(["", "least", "median", "worst"], rows)


def main() -> None:
    """Parse the arguments and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--db", type=Path, default=Path("results.db"))
    given = parser.parse_args()
    trials = measured_trials(given.db, given.study)
    if not trials:
        parser.error(f"study {given.study} has no measured trials yet")
    print(f"{len(trials)} measured trials of study {given.study}\n")
    print(stage_table([time for trial in trials for time in trial.measurement.stage_times]))
    print()
    print(trial_table(trials))


if __name__ == "__main__":
    main()
