"""``python -m benchmarks.chaos``: a study of 400 cheap trials under hundreds of random faults.

Campaigns, their launchers, trials and tools are killed, campaigns are stopped past their lease, the
clock jumps, artefacts are cut off, the database is locked, the cache or the database's folder is
read-only, the disk is full (a tmpfs of its own; as root only). With ``--postgresql`` the database
is one of a server, which is killed, too. ``benchmarks.chaos.night`` does so with real trials.

Whoever dies is started again, as a supervisor would. When the faults are over, one calm process
ends the study, as ``resume`` does. Then everything is compared with what an undisturbed study would
hold: exit status 1 where a trial is lost, counted twice or wrong, or where a process or a folder is
left.
"""

import argparse
import functools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.rooms import expected_cycles
from benchmarks.chaos.worker import STUDY, TIMING, place_of
from benchmarks.postgresql import PostgreSQLServer, bin_folder, running_server
from contracts.faults import DseError
from dse.output.report import table_text
from dse.store import Place, Reader, Store, TrialResult, TrialState
from runners import ROOT

CONFIG = """\
[study]
name = "storm"
trials = {trials}
workers = {workers}
executor = "{executor}"
{scheduler}
[suggest]
algorithm = "{algorithm}"
[workload]
model = "net.tflite"
[machine]
cores = {cores}
"""
_MARK = "CHAOS_RUN"
_DISK_MIB = 48
KILLS = {"campaign": 10, "launcher": 10, "trial": 10, "tool": 10}
_CLUSTER_KILLS = {**KILLS, "cluster worker": 10, "scheduler": 2}
"""What is killed, and how often in proportion."""


@dataclass(slots=True, kw_only=True)
class Storm:
    """The processes that work on a study, and what happens to them.

    Attributes:
        folder: Database, cache and config.
        processes: How many campaigns are kept running.
        tool_s: How long each program takes.
        dice: Decides.
        scheduler: Address of a Dask cluster that runs the trials; empty for this machine's own.
        cluster_workers: How many workers that cluster has.
        server: Has the database; None for a file.
        done: How often each fault happened.
        ended: How campaigns ended by themselves: exit status to number.
    """

    folder: Path
    processes: int
    tool_s: float
    dice: random.Random
    scheduler: str = ""
    cluster_workers: int = 0
    server: PostgreSQLServer | None = None
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    done: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    _campaigns: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _schedulers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, *further: str) -> "subprocess.Popen[bytes]":
        """Start one campaign."""
        return self._start("benchmarks.chaos.worker", str(self.folder), *further)

    def start_of_cluster(self, kind: str, *options: str) -> "subprocess.Popen[bytes]":
        """Start a scheduler or a worker of a Dask cluster."""
        return self._start("dask", kind, *options, "--no-dashboard")

    def _start(self, module: str, *words: str) -> "subprocess.Popen[bytes]":
        with (self.folder.parent / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            _MARK: self.mark,
            "PYTHONPATH": str(ROOT),
            "CHAOS_TOOL_S": str(self.tool_s),
            "DSE_CACHE_DIR": str(self.folder / "cache"),
            "DSE_MACHINE_DIR": str(self.folder / "machine"),
        }

    def keep_cluster_running(self) -> None:
        """Start what is missing of a cluster with a worker for each trial at a time."""
        if not self.scheduler:
            return
        self._schedulers = [each for each in self._schedulers if each.poll() is None]
        self._workers = [each for each in self._workers if each.poll() is None]
        if not self._schedulers:
            where = ("--host", "127.0.0.1", "--port", self.scheduler.rpartition(":")[2])
            self._schedulers.append(self.start_of_cluster("scheduler", *where))
        while len(self._workers) < self.cluster_workers:
            own = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder / "dask"))
            self._workers.append(self.start_of_cluster("worker", self.scheduler, *own))

    def keep_running(self) -> None:
        """Start again whoever has died; one that ended the study stays ended."""
        self.keep_cluster_running()
        for campaign in list(self._campaigns):
            status = campaign.poll()
            if status is None:
                continue
            if status >= 0:
                self.ended[f"status {status}"] += 1
            self._campaigns.remove(campaign)
        while len(self._campaigns) < self.processes:
            self._campaigns.append(self.start())

    def processes_of(self, kind: str) -> list[int]:
        """Return the processes of a kind: those started here, and what descends from them."""
        tree = dict(marked(self.mark))
        started = {process.pid: kind for kind, process in self._all_started()}
        found = []
        for pid in tree:
            depth, ancestor = 0, pid
            while ancestor not in started and ancestor in tree:
                depth, ancestor = depth + 1, tree[ancestor]
            of_tree = (started.get(ancestor, "tool"), "launcher", "trial", "tool")
            if of_tree[min(depth, 3)] == kind:
                found.append(pid)
        return found

    def _all_started(self) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
        yield from (("campaign", process) for process in self._campaigns)
        yield from (("scheduler", process) for process in self._schedulers)
        yield from (("cluster worker", process) for process in self._workers)

    def kill(self, kind: str) -> None:
        """Kill one process of a kind."""
        found = self.processes_of(kind)
        if found:
            with suppress(ProcessLookupError):
                os.kill(self.dice.choice(found), signal.SIGKILL)
                self.done[f"kill -9 of a {kind}"] += 1

    def stop_past_the_lease(self) -> None:
        """Stop a campaign until others must think that it is dead, then let it go on."""
        found = self.processes_of("campaign")
        if not found:
            return
        pid = self.dice.choice(found)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self.done["SIGSTOP past the lease"] += 1
        threading.Timer(TIMING.lease_s * 1.7, _go_on, [pid]).start()

    def set_clock(self) -> None:
        """Set the clock of all campaigns by up to a day, forwards or back."""
        (self.folder / "clock").write_text(str(self.dice.uniform(-86400, 86400)))
        self.done["clock that jumps"] += 1

    def damage_an_artefact(self) -> None:
        """Cut off, change or empty a file of an entry of the cache."""
        cache = self.folder / "cache"
        files = [
            path
            for path in cache.glob("*/*/*")
            # what is being built is nobody's entry yet, and read by the program that builds it
            if path.is_file() and not path.is_relative_to(cache / "scratch")
        ]
        if not files:
            return
        with suppress(OSError):
            path = self.dice.choice(files)
            before = path.read_bytes()
            path.chmod(0o644)
            path.write_bytes(self.dice.choice([before[:-1], b"", before[::-1], before + b"x"]))
            self.done["damaged cache entry"] += 1

    def lock_the_database(self, seconds: float) -> None:
        """Hold the lock that a writer needs."""

        def hold() -> None:
            with (
                suppress(DseError),
                Store(place_of(self.folder), busy_timeout_s=5) as store,
                store._write(),
            ):
                self.done[f"database locked for {seconds:g} s"] += 1
                time.sleep(seconds)

        threading.Thread(target=hold).start()

    def make_read_only(self, seconds: float) -> None:
        """Let nobody open a file for writing in the cache, or beside the database, for a time."""
        kinds = ["cache"] if self.server else ["cache", "database"]
        kind = self.dice.choice(kinds)
        folder = self.folder / "cache" if kind == "cache" else self.folder
        undo = _read_only(folder)
        if undo is not None:
            self.done[f"{kind} read-only for {seconds:g} s"] += 1
            threading.Timer(seconds, undo).start()

    def kill_the_server(self) -> None:
        """End the database's server as a power cut would, and start it again two seconds later."""
        assert self.server is not None
        self.server.stop("immediate")
        self.done["kill of the database's server"] += 1
        time.sleep(2)
        self.server.start()

    def fill_the_disk(self) -> None:
        """Leave no byte on the study's own disk, for two seconds."""
        filler = self.folder / "filler"
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        self.done["full disk"] += 1
        threading.Timer(2.0, lambda: filler.unlink(missing_ok=True)).start()

    def end_cluster(self) -> None:
        """End the cluster as its owner would: workers first."""
        for process in (*self._workers, *self._schedulers):
            process.terminate()
        for process in (*self._workers, *self._schedulers):
            process.wait()

    def kill_all(self) -> None:
        """Kill whatever of this run still lives: nothing after a normal end."""
        while living := [pid for pid, _ in marked(self.mark)]:  # one may have started another
            for pid in living:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        for process in (*self._campaigns, *self._schedulers, *self._workers):
            process.wait()

    def calm_down(self) -> None:
        """End all campaigns by Ctrl-C, those that are stopped too."""
        for campaign in self._campaigns:
            _go_on(campaign.pid)
            campaign.send_signal(signal.SIGINT)
        for campaign in self._campaigns:
            with suppress(subprocess.TimeoutExpired):
                campaign.wait(30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _read_only(folder: Path) -> Callable[[], None] | None:
    """Make a folder read-only; return what undoes it, or None where it is so already."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return None
    if os.geteuid() != 0:  # permissions do not bind root
        folder.chmod(0o555)
        return lambda: folder.chmod(0o755)
    bind = subprocess.run(["mount", "--bind", str(folder), str(folder)], check=False)
    if bind.returncode:
        return None
    subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)

    def undo() -> None:
        subprocess.run(["umount", "-l", str(folder)], check=True)

    return undo


def _go_on(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def marked(mark: str) -> Iterator[tuple[int, int]]:
    """Yield the processes of a run with their parents, by a variable that all of them inherit."""
    wanted = f"{_MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                status = (path / "stat").read_text().rpartition(")")[2].split()
                if status[0] != "Z":
                    yield int(path.name), int(status[1])


@contextmanager
def disk(*, is_small: bool) -> Iterator[Path]:
    """Give a folder: a tmpfs of 48 MiB where a full disk is to be tried."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "disk"
        folder.mkdir()
        if not is_small:
            yield folder
            return
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m", "tmpfs", str(folder)]
        subprocess.run(mount, check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def storm(
    run: Storm,
    *,
    trials: int,
    kills: int,
    every_s: float,
    lock_s: float,
    is_small: bool,
    say: Callable[[str], None],
) -> None:
    """Let faults happen until so many processes were killed, or all trials have completed."""
    of_kinds = _CLUSTER_KILLS if run.scheduler else KILLS
    faults: list[tuple[int, Callable[[], None]]] = [
        *((weight, functools.partial(run.kill, kind)) for kind, weight in of_kinds.items()),
        (3, run.stop_past_the_lease),
        (2, run.set_clock),
        (4, run.damage_an_artefact),
        (1, lambda: run.lock_the_database(2.0)),
    ]
    if is_small:
        faults.append((1, run.fill_the_disk))
    if os.geteuid() or shutil.which("mount"):
        faults.append((1, lambda: run.make_read_only(2.0)))
    if run.server:
        faults.append((1, run.kill_the_server))
    weights = [weight for weight, _ in faults]
    locks_left, told_s = (1 if lock_s else 0), time.monotonic()
    while (killed := sum(n for name, n in run.done.items() if name.startswith("kill"))) < kills:
        run.keep_running()
        run.dice.choices([fault for _, fault in faults], weights)[0]()
        if locks_left and killed > kills // 2:
            locks_left = 0
            run.lock_the_database(lock_s)
            time.sleep(lock_s)
        if time.monotonic() - told_s > 15:
            told_s = time.monotonic()
            done = completed(run.folder)
            say(f"{killed} of {kills} kills, {done} trials completed")
            if done >= trials:  # whoever is started ends at once: there is nobody to kill
                return
        time.sleep(run.dice.uniform(0.2, 1.8) * every_s)


def ended_text(run: Storm) -> str:
    """Say with which exit status how many campaigns ended that nobody had killed."""
    ended = ", ".join(f"{count} with {status}" for status, count in sorted(run.ended.items()))
    return ended or "none"


def completed(folder: Path) -> int:
    """Return how many trials of the study have completed, 0 while that cannot be told."""
    with suppress(DseError), Reader(place_of(folder), busy_timeout_s=1) as store:
        return store.count_trials(store.study(STUDY).id, TrialState.COMPLETED)
    return 0


def complaints(run: Storm, *, trials: int) -> list[str]:
    """Return what is not as an undisturbed study would have left it."""
    found = outcome_complaints(
        place_of(run.folder),
        trials=trials,
        is_right=lambda result: result.metrics["cycles"] == expected_cycles(result.trial.design),
    )
    found += left_processes(run)
    return found + [f"left folder {p.name}" for p in (run.folder / "cache" / "scratch").iterdir()]


def outcome_complaints(
    place: Place, *, trials: int, is_right: Callable[[TrialResult], bool]
) -> list[str]:
    """Return which trials of the study are lost, counted twice or wrong."""
    found = []
    with Reader(place) as store:
        study = store.study(STUDY)
        results = store.results(study.id)
        for result in results:
            number = result.trial.number
            tried = store.detail(study, number).attempts
            completed = sum(attempt.outcome is TrialState.COMPLETED for attempt in tried)
            if completed > 1:
                found.append(f"trial {number} completed {completed} times")
            if result.trial.state is not TrialState.COMPLETED:
                found.append(f"trial {number} is {result.trial.state}: {result.what}")
            elif not is_right(result):
                found.append(
                    f"trial {number} has another result: {json.dumps(result.trial.design)}"
                )
    if len(results) != trials:
        found.append(f"{len(results)} trials instead of {trials}")
    if len({result.trial.design_id for result in results}) != len(results):
        found.append("a design is there twice")
    return found


def left_processes(run: Storm, *, within_s: float = 10.0) -> list[str]:
    """Return what of a run still lives some seconds after its end."""
    deadline_s = time.monotonic() + within_s
    while (left := [pid for pid, _ in marked(run.mark)]) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    return [f"left process {pid}" for pid in left]


def main() -> int:
    """Print what happened, and what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--kills", type=int, default=250)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="of each process")
    parser.add_argument("--tool-s", type=float, default=0.4, help="what each program takes")
    parser.add_argument("--every-s", type=float, default=0.6, help="between faults, on average")
    parser.add_argument("--lock-s", type=float, default=60.0, help="0 for no long lock")
    parser.add_argument("--algorithm", default="grid")
    parser.add_argument("--executor", choices=["local", "dask"], default="local")
    parser.add_argument(
        "--postgresql", action="store_true", help="the database is one of a server of its own"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="keep what the processes said")
    given = parser.parse_args()
    is_small = os.geteuid() == 0 and shutil.which("mount") is not None
    started_s = time.monotonic()
    with disk(is_small=is_small) as folder, ExitStack() as servers:
        server = None
        if given.postgresql:
            if bin_folder() is None:
                parser.error("--postgresql needs PostgreSQL: Debian's package postgresql")
            server = servers.enter_context(running_server())
            (folder / "place").write_text(str(server.new_database()))
        (folder / "net.tflite").write_bytes(b"net")
        address = f"tcp://127.0.0.1:{_free_port()}" if given.executor == "dask" else ""
        text = CONFIG.format(
            trials=given.trials,
            workers=given.workers,
            algorithm=given.algorithm,
            cores=max(1, given.processes * given.workers * 2 // 3),  # some stages wait
            executor=given.executor,
            scheduler=f'scheduler = "{address}"' if address else "",
        )
        (folder / "storm.toml").write_text(text)
        run = Storm(
            folder=folder,
            processes=given.processes,
            tool_s=given.tool_s,
            dice=random.Random(given.seed),
            scheduler=address,
            server=server,
            cluster_workers=given.processes * given.workers,
        )
        try:
            storm(
                run,
                trials=given.trials,
                kills=given.kills,
                every_s=given.every_s,
                lock_s=given.lock_s,
                is_small=is_small,
                say=_say,
            )
            run.calm_down()
            during = completed(folder)
            time.sleep(TIMING.lease_s)
            (folder / "filler").unlink(missing_ok=True)
            _say("the storm is over; one process ends the study")
            run.keep_cluster_running()
            calm = run.start("--retry")
            while (status := calm.poll()) is None:
                run.keep_cluster_running()
                time.sleep(0.5)
            run.end_cluster()
            found = complaints(run, trials=given.trials)
        finally:
            run.kill_all()
        if status:
            found.append(f"the last process ended with status {status}")
        log = (folder.parent / "log").read_text(errors="replace")
    print(table_text(["fault", "times"], [[name, str(n)] for name, n in sorted(run.done.items())]))
    print(f"campaigns that ended by themselves: {ended_text(run)}")
    print(f"{during} of {given.trials} trials completed during the storm")
    print(f"{time.monotonic() - started_s:.0f} s; {len(found)} complaints")
    print("\n".join(found[:20]))
    if given.log:
        given.log.write_text(log)
    return 1 if found else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
