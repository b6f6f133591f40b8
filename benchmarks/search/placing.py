"""What ``study.promote`` spends on placing, and what the placed front comes to.

``python -m benchmarks.search.placing --seeds 5`` runs campaigns whose trials answer from a table.
Cycles and cells of synthesis are the measured ones of ``imgc_simd.csv``. **What placing makes of
them is made up**: a clock of 82 MHz that every doubling of the width, a buffer and requantisation
cost some of, give or take 3 MHz, and 1 to 4 % more cells. It costs 60 CPU-seconds and 2 for each
hundred cells. Every design that the search finds is so known as it would be placed.

Printed for each way to promote: designs placed, CPU-seconds of placing, and the share of the
hypervolume (logarithms) that placing all of the study's designs would have reached, when a half,
one and two thousand CPU-seconds are spent, and at the end; means over the seeds.
"""

import argparse
import csv
import math
import random
import statistics
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, count
from pathlib import Path

from benchmarks.search.play import Scale
from benchmarks.search.table import Table, read_table
from contracts.measurement import Completed, Fidelity, Measurement, Metric, Outcome, StageTime
from dse.campaign import Campaign, Timing
from dse.campaign.asking import Asker
from dse.config import load_config
from dse.output.report import table_text
from dse.results.study_results import study_columns
from dse.shipped import OUR_MODEL
from dse.space import Design
from dse.store import Store
from dse.suggest import Objective, make_suggester
from runners.executors import Event, Finished
from runners.job import Job

OBJECTIVES = (Objective(metric="latency_us"), Objective(metric="lut4"))
WAYS = {
    "all": 'promote = "front"\npromote_margin = 0.99',
    "front, margin 0": 'promote = "front"\npromote_margin = 0.0',
    "front, margin 0.05": 'promote = "front"\npromote_margin = 0.05',
    "front, margin 0.2": 'promote = "front"\npromote_margin = 0.2',
    "gain 0.01": 'promote = "gain"\npromote_gain = 0.01',
    "gain 0.002": 'promote = "gain"\npromote_gain = 0.002',
}
MARKS_S = (500, 1000, 2000)
_CONFIG = """\
[study]
name = "placing"
trials = {trials}
workers = 1
seed = {seed}
fidelity = "place"
{way}
[suggest]
algorithm = "random"
[workload]
model = "{model}"
[target]
name = "ulx3s_85f"
"""
_UNITS = {"cycles": "cycles", "latency_us": "us", "clock_mhz": "MHz"}


@dataclass
class TableExecutor:
    """Answers jobs from a table, and what it does not have by a formula.

    Attributes:
        cycles_and_cells: Of each design, measured.
        placed: Designs that were placed, in their order, with the CPU-seconds of it.
    """

    cycles_and_cells: Mapping[Design, tuple[float, float]]
    placed: list[tuple[Design, float]] = field(default_factory=list)
    jobs: deque[tuple[int, Job]] = field(default_factory=deque)

    def submit(self, ticket: int, job: Job) -> None:
        """Take a job."""
        self.jobs.append((ticket, job))

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        """Answer the oldest job; never waits."""
        del timeout_s
        if not self.jobs:
            return ()
        ticket, job = self.jobs.popleft()
        return (Finished(ticket=ticket, outcome=self._answer(job)),)

    def cancel(self, ticket: int) -> None:
        """Forget a job."""
        self.jobs = deque(item for item in self.jobs if item[0] != ticket)

    def close(self) -> None:
        """Forget all jobs."""
        self.jobs.clear()

    def _answer(self, job: Job) -> Outcome:
        design = Design(job.design)
        cycles, cells = self.cycles_and_cells[design]
        values = {"cycles": cycles, "latency_us": cycles / 50.0, "lut4": cells}
        stages: tuple[StageTime, ...] = ()
        artefacts: dict[str, str] = {}
        is_placed = job.fidelity is Fidelity.PLACED
        if is_placed:
            values |= placed_values(design, cycles, cells)
            cpu_s = placing_cpu_s(cells)
            self.placed.append((design, cpu_s))
            stages = (StageTime(stage="place-and-route", wall_s=cpu_s, cpu_s=cpu_s, cached=False),)
            artefacts = {"place-and-route": design.id[:32]}
        further = Fidelity.PLACED if is_placed else Fidelity.SYNTHESISED
        metrics = tuple(
            Metric(
                name=name,
                value=value,
                unit=_UNITS.get(name, "cells"),
                fidelity=Fidelity.SIMULATED if name == "cycles" else further,
                estimate=name == "latency_us" and not is_placed,
            )
            for name, value in values.items()
        )
        return Completed(
            measurement=Measurement(
                metrics=metrics,
                layers=(),
                placements=(),
                stage_times=stages,
                artefacts=artefacts,
                tools={},
            )
        )


def placed_values(design: Design, cycles: float, cells: float) -> dict[str, float]:
    """Return what a design is placed as: made up, and always the same for a design."""
    drawn = random.Random(design.id)
    v = design.values
    clock_mhz = 82.0 - 3.0 * math.log2(1 + int(v.get("simd_width", 0)))
    clock_mhz -= 4.0 * (v.get("buffer_depth", 0) != 0)
    clock_mhz -= 6.0 * (v.get("hardware_requantisation") is True)
    clock_mhz += drawn.gauss(0.0, 3.0)
    return {
        "clock_mhz": clock_mhz,
        "latency_us": cycles / clock_mhz,
        "lut4": float(round(cells * drawn.uniform(1.01, 1.04))),
    }


def placing_cpu_s(cells: float) -> float:
    """Return what placing and routing takes: made up."""
    return 60.0 + cells / 50.0


def main() -> None:
    """Parse the arguments, run the campaigns and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search.placing", description=__doc__
    )
    parser.add_argument("--seeds", type=int, default=5, help="studies of each kind")
    parser.add_argument("--trials", type=int, default=40, help="designs of a study")
    given = parser.parse_args()
    path = Path(__file__).parent / "imgc_simd.csv"
    table = read_table(path, [o.metric for o in OBJECTIVES])
    measured = _cycles_and_cells(path, table)
    rows = []
    for name, way in WAYS.items():
        games = [
            _played(table, measured, way, seed=seed, trials=given.trials)
            for seed in range(given.seeds)
        ]
        columns = zip(*games, strict=True)
        placed, spent_s, *shares = (statistics.fmean(column) for column in columns)
        cells = (f"{share:.3f}" for share in shares)
        rows.append([name, f"{placed:.1f}", f"{spent_s:.0f}", *cells])
    header = [
        "promote",
        "placed",
        "CPU-s",
        *(f"after {mark} CPU-s" for mark in MARKS_S),
        "at the end",
    ]
    print(table_text(header, rows))


def _cycles_and_cells(path: Path, table: Table) -> dict[Design, tuple[float, float]]:
    """Return what was measured of each design of the table."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    measured = [(float(line["cycles"]), float(line["lut4"])) for line in lines]
    return dict(zip(table.results, measured, strict=True))


def _played(
    table: Table,
    measured: Mapping[Design, tuple[float, float]],
    way: str,
    *,
    seed: int,
    trials: int,
) -> list[float]:
    """Return designs placed, CPU-seconds of it, and the shares of ``main`` for one study."""
    executor = TableExecutor(measured)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "placing.toml"
        file.write_text(_CONFIG.format(trials=trials, seed=seed, way=way, model=OUR_MODEL))
        _, config = load_config(file)
        clock = count(1000.0, 0.5)
        with Store(Path(folder) / "results.db") as store:
            study = store.create_study(
                name=config.name,
                config_toml="",
                config_json=config.to_json(),
                source_hash="",
                now_s=0,
            )
            Campaign(
                store=store,
                study=study,
                config=config,
                context="made up",
                space=table.space,
                asker=Asker(make_suggester("random")),
                executor=executor,
                timing=Timing(lease_s=1e6, heartbeat_s=10.0, poll_s=0.01),
                now_s=lambda: next(clock),
            ).run()
            found = {
                Design.from_canonical(trial.design_json)
                for trial in study_columns(store, config.name).trials
            }
    every = {design: placed_values(design, *measured[design]) for design in found}
    scale = Scale(
        Table(name="placed", space=table.space, results=every), OBJECTIVES, logarithmic=True
    )
    ends = list(accumulate(cpu_s for _, cpu_s in executor.placed))
    values = [every[design] for design, _ in executor.placed]
    shares = [scale.share(values[: sum(end <= mark for end in ends)]) for mark in MARKS_S]
    return [len(ends), ends[-1], *shares, scale.share(values)]


if __name__ == "__main__":
    main()
