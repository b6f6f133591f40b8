"""What a study costs as it grows: ``python -m benchmarks.scale [--trials 1000 10000 100000]``.

For each size a study is made, then looked at by commands, continued by a campaign whose trials
take no time, and opened in the dashboard. Times are CPU-seconds, since machines are shared; the
last column says how much slower this machine was than when the reference loop was written.
"""

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.dashboard_study import NAME, make_study
from dse.output.report import table_text
from dse.program import keep_to_one_thread

SIZES = (1_000, 10_000, 100_000)
HEADER = (
    *("trials", "`list`, s", "`status`, s", "`front`, s", "dashboard's data read first, s"),
    *("packed, kB", "campaign's first trial, s", "service of a trial, ms"),
    *("heartbeat late, s", "campaign's memory, MB"),
)
COLUMNS = (
    *HEADER,
    *("vizier's first suggestion, s", "vizier's suggestion, s", "each of 32, s"),
    *("vizier's memory, MB", "times slower"),
)
_SERVED = 200
"""Trials that the campaign is watched for."""
_BATCH = 32
"""Workers that ask at the same time."""
_REFERENCE_S = 0.12
"""CPU-seconds of the reference loop on the machine that the documented figures come from, idle."""


def command_cpu_s(*arguments: str) -> float:
    """Return the CPU-seconds of a command, the start of Python included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "dse.study", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def campaign_figures(database: Path) -> dict[str, float]:
    """Continue the study in a process of its own and return what it measured of itself."""
    command = [sys.executable, "-m", "benchmarks.scale", "--campaign", str(database)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(found.stdout)
    return figures


def continue_study(database: Path) -> dict[str, float]:
    """Run a campaign of instant trials on the study and return its figures."""
    from contracts.measurement import Completed, Measurement, Metric, Outcome
    from dse.campaign import Campaign, Timing
    from dse.campaign.asking import Asker
    from dse.config import config_from_json, with_budget
    from dse.config.assembly import assemble_space
    from dse.store import Store
    from dse.suggest import make_suggester
    from runners.executors import Event, Finished
    from runners.job import Job

    class Instant:
        def __init__(self) -> None:
            self.tickets: list[tuple[int, Outcome]] = []
            self.ends_s: list[float] = []

        def submit(self, ticket: int, job: Job) -> None:
            names = ("latency_us", "lut4", "cycles")
            metrics = tuple(
                Metric(name=n, value=1e7 + ticket, unit="x", fidelity=job.fidelity) for n in names
            )
            outcome = Completed(measurement=Measurement(metrics=metrics))
            self.tickets.append((ticket, outcome))

        def poll(self, timeout_s: float) -> tuple[Event, ...]:
            if not self.tickets:
                time.sleep(min(timeout_s, 0.001))
                return ()
            ticket, outcome = self.tickets.pop(0)
            self.ends_s.append(time.process_time())
            return (Finished(ticket=ticket, outcome=outcome),)

        def cancel(self, ticket: int) -> None:
            del ticket

        def close(self) -> None: ...

    class Watched(Store):
        beats_s: list[float]

        def heartbeat(self, *arguments: object, **named: object) -> frozenset[int]:
            self.beats_s.append(time.monotonic())
            return super().heartbeat(*arguments, **named)  # type: ignore[arg-type]

    with Watched(database) as store:
        store.beats_s = []
        study = store.study(NAME)
        config = config_from_json(study.config_json)
        config = with_budget(config, trials=config.trials + _SERVED, workers=1)
        executor = Instant()
        started_s = time.process_time()
        Campaign(
            store=store,
            study=study,
            config=config,
            context="benchmark",
            space=assemble_space(config),
            asker=Asker(make_suggester("random")),
            executor=executor,
            timing=Timing(heartbeat_s=0.1, poll_s=0.02),
        ).run()
        beats_s = store.beats_s
    first_s = executor.ends_s[0] - started_s
    usual_s = (executor.ends_s[-1] - executor.ends_s[0]) / (len(executor.ends_s) - 1)
    late_s = max(b - a for a, b in itertools.pairwise(beats_s)) - 0.1
    used_mb = largest_memory_mb()
    return {"first_s": first_s, "usual_s": usual_s, "late_s": late_s, "used_mb": used_mb}


def search_figures(database: Path) -> dict[str, float]:
    """Ask the search for the study's next designs in a process of its own, and return its costs."""
    command = [sys.executable, "-m", "benchmarks.scale", "--search", str(database)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(found.stdout)
    return figures


def search_study(database: Path) -> dict[str, float]:
    """Ask the models for designs, one after the other and 32 at once; both processes count."""
    from dse.campaign.knowledge import Knowledge
    from dse.config import config_from_json
    from dse.config.assembly import assemble_space
    from dse.store import Reader
    from dse.suggest.algorithms.vizier import VizierSuggester
    from runners.tools.child import session_use

    with Reader(database) as reader:
        config = config_from_json(reader.study(NAME).config_json)
        knowledge = Knowledge(NAME, config, assemble_space(config))
        knowledge.update(reader)
    suggester = VizierSuggester()
    children_mb = 0.0

    def cost_s(count: int) -> float:
        nonlocal children_mb
        before_s = time.process_time() + used_s()
        found = suggester.suggest(knowledge.request(count))
        assert len({suggestion.design for suggestion in found}) == count
        assert suggester.child_pid is not None
        children_mb = max(children_mb, largest_memory_mb(str(suggester.child_pid)))
        return time.process_time() + used_s() - before_s

    def used_s() -> float:
        pid = suggester.child_pid
        return 0.0 if pid is None else session_use(pid).cpu_s

    try:
        first_s = cost_s(1)
        usual_s = min(cost_s(1) for _ in range(3))
        batch_s = cost_s(_BATCH)
    finally:
        suggester.close()
    return {
        "first_s": first_s,
        "usual_s": usual_s,
        "each_of_batch_s": batch_s / _BATCH,
        "used_mb": children_mb + largest_memory_mb(),
    }


def largest_memory_mb(process: str = "self") -> float:
    """Return the most memory that a program had; getrusage also counts who started it."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def dashboard_figures(database: Path) -> dict[str, float]:
    """Return what the dashboard's server computes for a first view, and how much it sends."""
    from dse.dashboard.data.payload import MOST_DRAWN, packed_columns
    from dse.dashboard.data.studies import Studies
    from dse.results.growth import growth_rows

    started_s = time.process_time()
    studies = Studies(database)
    columns = studies.columns(NAME)
    growth_rows(columns.growth)
    packed, _ = packed_columns(columns, MOST_DRAWN)
    first_s = time.process_time() - started_s
    studies.close()
    return {"first_s": first_s, "packed_kb": len(packed) / 1000}


def reference_s() -> float:
    """Return the CPU-seconds of a fixed loop."""
    started_s = time.process_time()
    total = 0
    for number in range(3_000_000):
        total += number
    return time.process_time() - started_s


def row_of(trials: int) -> list[str]:
    """Measure a study of so many trials, see ``COLUMNS``."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "large.db"
        make_study(database, trials=trials)
        at = ("--db", str(database))
        seen = [
            command_cpu_s("list", *at),
            command_cpu_s("status", NAME, *at),
            command_cpu_s("front", NAME, *at),
        ]
        shown = dashboard_figures(database)
        search = search_figures(database)
        service = campaign_figures(database)
        slow = reference_s() / _REFERENCE_S
    row = [
        f"{trials:,}",
        *(f"{value:.2f}" for value in seen),
        f"{shown['first_s']:.2f}",
        f"{shown['packed_kb']:.0f}",
        f"{service['first_s']:.2f}",
        f"{1000 * service['usual_s']:.1f}",
        f"{service['late_s']:.2f}",
        f"{service['used_mb']:.0f}",
        f"{search['first_s']:.1f}",
        f"{search['usual_s']:.2f}",
        f"{search['each_of_batch_s']:.2f}",
        f"{search['used_mb']:.0f}",
        f"{slow:.1f}",
    ]
    print(row, file=sys.stderr, flush=True)
    return row


def rows() -> list[list[str]]:
    """Measure studies of all sizes; without the columns of an algorithm's own."""
    return [row_of(trials)[: len(HEADER)] for trials in SIZES]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=SIZES)
    parser.add_argument("--campaign", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    keep_to_one_thread()
    if given.search is not None:
        print(json.dumps(search_study(given.search)))
        return
    if given.campaign is not None:
        print(json.dumps(continue_study(given.campaign)))
        return
    print(table_text(list(COLUMNS), [row_of(trials) for trials in given.trials], left=0))


if __name__ == "__main__":
    main()
