"""``python -m benchmarks.chaos.night``: a real night in small, of which processes are killed.

Two dozen real trials of our own network (generated, elaborated, checked, simulated bit-exactly) by
two campaigns of the command line, whose processes are killed at random: campaigns, launchers of
trials, trials, tools. Whoever dies is started again. Afterwards one calm ``resume`` ends the study,
and an undisturbed study in a database of its own says what is right: exit status 1 where a trial is
lost, counted twice or other, where a process, a folder or a share of the machine is left, or where
the study had ended before all kills were done.

Both studies build into a cache of their own, which begins with what the user's has of the stages
that all designs share: a wrong artefact of the night is not what the undisturbed study reads.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.__main__ import (
    KILLS,
    Storm,
    completed,
    ended_text,
    left_processes,
    outcome_complaints,
)
from benchmarks.chaos.worker import STUDY, place_of
from benchmarks.postgresql import bin_folder, running_server
from benchmarks.shared_stages import make_cache
from dse.output.report import table_text
from dse.store import Place, Reader, TrialResult
from runners import ROOT
from runners.pipeline import default_root, shares

CONFIG = f"""\
[study]
name = "{STUDY}"
trials = {{trials}}
workers = 1
fidelity = "simulate"
[suggest]
algorithm = "grid"
[workload]
model = "{ROOT}/models/imgc/imgc_resnet8_int8.tflite"
[target]
name = "ulx3s_85f"
[objectives]
minimise = ["latency_us"]
[space]
icache_bytes = 8192
icache_ways = 1
icache_line_bytes = 32
dcache_bytes = 8192
dcache_ways = 1
dcache_line_bytes = 32
multiplier = "pipelined"
divider = "iterative"
shifter = "full"
branch_prediction = "static"
bypass = true
cfu = "simd"
simd_width = [8, 16]
buffer_depth = 2048
hardware_requantisation = true
optimisation = ["O2", "O3", "Os"]
unroll = [1, 2, 4, 8]
"""
TRIALS = 24
"""As many as the space has designs."""


@dataclass(slots=True, kw_only=True)
class Night(Storm):
    """A storm over campaigns of the command line."""

    def start(self, *further: str) -> "subprocess.Popen[bytes]":
        """Start a process as a person would, or go on with the study."""
        words = further or ("start", str(self.folder / "night.toml"))
        return self._start("dse.study", *words, "--db", str(place_of(self.folder)))

    def finish(self) -> int:
        """End the study calmly; return the exit status."""
        return self.start("resume", STUDY, "--trust", "--workers", "2").wait()


@contextmanager
def night_folder() -> Iterator[Path]:
    """Give a folder with a cache, beside the user's own."""
    root = default_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="night-", dir=root.parent)) / "disk"
    folder.mkdir()
    try:
        make_cache(folder / "cache")
        yield folder
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def results_of(place: Place) -> dict[str, TrialResult]:
    """Return the trials of the study by their designs."""
    with Reader(place) as reader:
        return {r.trial.design_id: r for r in reader.results(reader.study(STUDY).id)}


def complaints(run: Night, *, trials: int) -> list[str]:
    """Return what is not as an undisturbed study leaves it."""
    undisturbed = Night(folder=run.folder / "calm", processes=1, tool_s=0, dice=run.dice)
    undisturbed.folder.mkdir()
    shutil.copy(run.folder / "night.toml", undisturbed.folder)
    make_cache(undisturbed.folder / "cache")
    try:
        status = undisturbed.start(
            "start", str(undisturbed.folder / "night.toml"), "--workers", "2"
        ).wait()
    finally:
        undisturbed.kill_all()
    found = [f"the undisturbed study ended with status {status}"] if status else []
    right = results_of(undisturbed.folder / "results.db")
    found += outcome_complaints(
        place_of(run.folder),
        trials=trials,
        is_right=lambda result: (
            (there := right.get(result.trial.design_id)) is not None
            and result.metrics == there.metrics
        ),
    )
    found += left_processes(run)
    found += [f"left folder {path.name}" for path in (run.folder / "cache" / "scratch").iterdir()]
    return found + [f"left share {share.file_name}" for share in shares(run.folder / "machine")]


def disturb(run: Night, *, trials: int, kills: int, every_s: float) -> None:
    """Kill processes of the night until there were so many kills, or every trial has completed."""
    kinds, weights = zip(*KILLS.items(), strict=True)
    while run.done.total() < kills and completed(run.folder) < trials:
        run.keep_running()
        time.sleep(run.dice.uniform(0.2, 1.8) * every_s)
        run.kill(run.dice.choices(kinds, weights)[0])
        print(f"{run.done.total()} of {kills} kills", file=sys.stderr, flush=True)
    run.keep_running()


def main() -> int:
    """Print what happened, and what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos.night", description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"{TRIALS} at the most")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--every-s", type=float, default=20.0, help="between kills, on average")
    parser.add_argument("--postgresql", action="store_true", help="of a server of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="keep what the processes said")
    given = parser.parse_args()
    if not 1 <= given.trials <= TRIALS:
        parser.error(f"--trials: the space has {TRIALS} designs")
    if given.postgresql and bin_folder() is None:
        parser.error("--postgresql needs PostgreSQL: Debian's package postgresql")
    started_s = time.monotonic()
    with night_folder() as folder, ExitStack() as servers:
        if given.postgresql:
            server = servers.enter_context(running_server())
            (folder / "place").write_text(str(server.new_database()))
        (folder / "night.toml").write_text(CONFIG.format(trials=given.trials))
        run = Night(folder=folder, processes=2, tool_s=0, dice=random.Random(given.seed))
        try:
            disturb(run, trials=given.trials, kills=given.kills, every_s=given.every_s)
            run.calm_down()
            during = completed(folder)
            status = run.finish()
            found = complaints(run, trials=given.trials)
        finally:
            run.kill_all()
            if given.log:
                shutil.copy(folder.parent / "log", given.log)
        if status:
            found.append(f"the last process ended with status {status}")
        if run.done.total() < given.kills:
            found.append(f"{run.done.total()} kills instead of {given.kills}: kill more often")
    print(table_text(["fault", "times"], [[name, str(n)] for name, n in sorted(run.done.items())]))
    print(f"campaigns that ended by themselves: {ended_text(run)}")
    print(f"{during} of {given.trials} trials completed during the kills")
    print(f"{time.monotonic() - started_s:.0f} s; {len(found)} complaints")
    print("\n".join(found[:20]))
    return 1 if found else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
