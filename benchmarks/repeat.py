"""``python -m benchmarks.repeat``: do all tests pass, in any order, on a busy machine, every time?

Runs the suite several times, each time in the order of another seed, with two processes of tests,
while processes of its own keep the machine as busy as it is asked to: what others run counts, and
so does the suite. Prints a table of the runs and every test that failed; exit status 1 where one
did. A run that was made of the same sources is not made again, so a call goes on where the last
one was ended. Each run's output is in ``build/repeat/``.
"""

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

from dse.output.report import table_text
from dse.words import duration_text
from runners import ROOT
from runners.tools import child

_LOOK_S = 1.0
_BUSY = """\
for number in $(seq "$0"); do
    while :; do :; done &
    echo $!
done
wait
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the tests of a run.

    Attributes:
        passed: How many passed.
        skipped: How many were skipped.
        failed: The names of those that failed, or whose fixtures did.
    """

    passed: int
    skipped: int
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the suite.

    Attributes:
        state: Of the sources, see ``state_of``.
        asked: What decides beside the seed which tests run, and how.
        seed: Of the order.
        outcome: What became of the tests.
        load_before, load_after: Load average of a minute.
        load: Mean of the number of processes that ran or could have.
        wall_s: How long it took.
        cpu_s: CPU-seconds of pytest and of all that it has started.
    """

    state: str
    asked: str
    seed: int
    outcome: Outcome
    load_before: float
    load_after: float
    load: float
    wall_s: float
    cpu_s: float


def outcome_of(text: str) -> Outcome:
    """Read what pytest writes with ``--junitxml``."""
    passed = skipped = 0
    failed = []
    for case in ElementTree.fromstring(text).iter("testcase"):
        kinds = {part.tag for part in case}
        if kinds & {"failure", "error"}:
            failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return Outcome(passed=passed, skipped=skipped, failed=tuple(failed))


def state_of(folder: Path) -> str:
    """Return the commit of a checkout and, where files differ from it, a hash of how."""

    def git(*words: str) -> bytes:
        return subprocess.run(("git", *words), cwd=folder, capture_output=True, check=True).stdout

    changes = hashlib.sha256(git("diff", "HEAD"))
    new = git("ls-files", "--others", "--exclude-standard", "-z").split(b"\0")[:-1]
    for name in new:
        changes.update(name + (folder / os.fsdecode(name)).read_bytes())
    commit = git("rev-parse", "--short=12", "HEAD").decode().strip()
    is_changed = bool(new) or bool(git("status", "--porcelain"))
    return f"{commit}+{changes.hexdigest()[:8]}" if is_changed else commit


def missing(load: int, *, runnable: int, busy: int) -> int:
    """Return how many of our busy processes are to run.

    Args:
        load: How many processes are to be able to run; that many busy ones there are.
        runnable: How many are, the busy ones that run now among them.
        busy: How many of the busy ones run now.
    """
    return min(max(load - (runnable - busy), 0), load)


@dataclass
class Load:
    """Keeps so many processes runnable while it is entered, with busy ones where others are few.

    The busy ones are of the session of this process, as pytest is: where the kernel shares the
    cores out between sessions, each of them has as much as a process of tests.

    Args:
        load: How many; 0 starts none.
    """

    load: int
    pids: list[int] = field(default_factory=list, init=False)
    _busy: int = field(default=0, init=False)
    _seen: list[int] = field(default_factory=list, init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            leader = stack.enter_context(
                _ended("/bin/sh", "-c", _BUSY, str(self.load), stdout=subprocess.PIPE)
            )
            assert leader.stdout is not None
            self.pids = [int(leader.stdout.readline()) for _ in range(self.load)]
            self._busy = self.load
            is_over = threading.Event()
            keeper = threading.Thread(target=self._keep, args=(is_over,))
            keeper.start()
            stack.callback(keeper.join)
            stack.callback(is_over.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def mean(self) -> float:
        """Return the mean number of runnable processes since the last call; 0 if nobody looked."""
        seen, self._seen = self._seen, []
        return sum(seen) / len(seen) if seen else 0.0

    def _keep(self, is_over: threading.Event) -> None:
        while not is_over.wait(_LOOK_S):
            runnable = _runnable()
            self._seen.append(runnable)
            wanted = missing(self.load, runnable=runnable, busy=self._busy)
            for pid in self.pids[wanted : self._busy]:
                os.kill(pid, signal.SIGSTOP)
            for pid in self.pids[self._busy : wanted]:
                os.kill(pid, signal.SIGCONT)
            self._busy = wanted


@contextmanager
def _ended(*command: str, **options: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a program in a process group of its own, which ends with the block or with us."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, **options) as process:
        try:
            with child.guarded_group(process.pid):
                yield process
        finally:
            child.end(process)


def _runnable() -> int:
    """Return how many processes of this machine run or could, without the one that asks."""
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0]) - 1


def run_once(
    seed: int, *, state: str, words: Sequence[str], load: Load, folder: Path, log: Path
) -> Run:
    """Run pytest once.

    Args:
        seed: Of the order.
        state: Of the sources.
        words: Further arguments of pytest.
        load: Entered; what it has seen before is forgotten.
        folder: The checkout; pytest there knows ``--random-order-seed``.
        log: Where pytest's output goes.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    load.mean()
    load_before, start_s = os.getloadavg()[0], time.monotonic()
    spent_s = child.spent_cpu_s(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="repeat-") as name, log.open("wb") as output:
        report = Path(name) / "report.xml"
        command = [
            *(sys.executable, "-m", "pytest", "-q", f"--random-order-seed={seed}"),
            *(f"--junitxml={report}", *words),
        ]
        with _ended(*command, cwd=folder, stdout=output, stderr=subprocess.STDOUT) as process:
            code = process.wait()
        try:
            outcome = outcome_of(report.read_text())
        except (OSError, ElementTree.ParseError):  # pytest was ended, or refused its arguments
            outcome = Outcome(passed=0, skipped=0, failed=())
    if code != 0 and not outcome.failed:
        outcome = Outcome(
            passed=outcome.passed,
            skipped=outcome.skipped,
            failed=(f"pytest itself, with exit status {code}: see {log}",),
        )
    return Run(
        state=state,
        asked=" ".join([f"load {load.load}", *words]),
        seed=seed,
        outcome=outcome,
        load_before=load_before,
        load_after=os.getloadavg()[0],
        load=load.mean(),
        wall_s=time.monotonic() - start_s,
        cpu_s=child.spent_cpu_s(resource.RUSAGE_CHILDREN) - spent_s,
    )


def read_runs(path: Path) -> list[Run]:
    """Return the runs that a file keeps; a line that was cut off is none."""
    runs = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with suppress(json.JSONDecodeError):
            values = json.loads(line)
            outcome = values.pop("outcome")
            outcome["failed"] = tuple(outcome["failed"])
            runs.append(Run(outcome=Outcome(**outcome), **values))
    return runs


def add_run(path: Path, run: Run) -> None:
    """Append a run to a file."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(run)) + "\n")


def runs_table(runs: Sequence[Run]) -> str:
    """Lay out runs, and below what failed in each."""
    rows = [
        [
            *(str(number), str(run.seed), str(run.outcome.passed), str(len(run.outcome.failed))),
            *(str(run.outcome.skipped), f"{run.load_before:.1f}", f"{run.load:.1f}"),
            *(f"{run.load_after:.1f}", duration_text(run.wall_s), f"{run.cpu_s:.0f}"),
        ]
        for number, run in enumerate(runs, 1)
    ]
    header = ["run", "seed", "passed", "failed", "skipped"]
    header += ["load before", "mean", "after", "took", "CPU s"]
    lines = [table_text(header, rows)]
    lines += [f"seed {run.seed}: {name}" for run in runs for name in run.outcome.failed]
    return "\n".join(lines)


def main() -> int:
    """Run the suite as often as asked, print; 1 where something failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.repeat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tests", nargs="*", metavar="TEST", help="files or folders (all)")
    parser.add_argument("--times", type=int, default=10, help="runs (10)")
    parser.add_argument("--load", type=int, default=8, help="processes that can run (8)")
    parser.add_argument("--workers", type=int, default=2, help="processes of tests (2)")
    parser.add_argument("--slow", action="store_true", help="slow tests, too")
    parser.add_argument("--seed", type=int, default=1, help="of the first run (1)")
    parser.add_argument("--done", type=Path, default=ROOT / "repeat.jsonl", metavar="FILE")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of ours goes on
    words = ["-n", str(given.workers), *(() if given.slow else ("-m", "not slow")), *given.tests]
    state, asked = state_of(ROOT), " ".join([f"load {given.load}", *words])
    done = {
        run.seed: run for run in read_runs(given.done) if (run.state, run.asked) == (state, asked)
    }
    seeds = range(given.seed, given.seed + given.times)
    with Load(given.load) as load:
        for seed in seeds:
            if seed in done:
                continue
            log = ROOT / "build" / "repeat" / f"seed-{seed}.log"
            run = run_once(seed, state=state, words=words, load=load, folder=ROOT, log=log)
            add_run(given.done, run)
            done[seed] = run
            print(runs_table([run]), file=sys.stderr, flush=True)
    runs = [done[seed] for seed in seeds]
    print(f"{state}: {asked}\n")
    print(runs_table(runs))
    return int(any(run.outcome.failed for run in runs))


if __name__ == "__main__":
    sys.exit(main())
