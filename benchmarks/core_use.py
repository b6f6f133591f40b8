"""``python -m benchmarks.core_use``: what the cores of this machine do while a study runs.

Runs a study of its own in a folder of its own, over a cache that has only what no design decides,
and looks once a second at every process: which CPU-seconds went to tools (all that trials start),
to the service (campaign, launcher, trials themselves), to the search, to others on the machine, and
which to nobody. Prints the sums and what each stage took beside what it declares; writes a table
``core-use.csv``, a line a second, and a picture ``core-use.svg`` of the same.

The share of tools is told twice: of all cores, and of what others left of them, since a busy
machine does not give the study all.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.shared_stages import make_cache
from dse.output.drawing.charts import frame
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import Drawing
from dse.output.report import table_text
from dse.words import bytes_text, duration_text
from runners import ROOT
from runners.pipeline import ALL_CORES, Share, default_root, shares
from runners.pipeline.machine import usable_cores
from runners.stages.all import STAGES
from runners.tools import child

KINDS = ("tools", "search", "service", "others")
_LOOK_S = 1.0
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 900.0, 300.0, 46.0, 34.0, 44.0
_COLUMNS = 240
"""At most so many steps are drawn: a picture of a night is no larger than one of minutes."""

CONFIG = """\
[study]
name = "core-use"
trials = {trials}
workers = {workers}
fidelity = "{fidelity}"
[suggest]
algorithm = "{algorithm}"
[workload]
model = "{root}/models/imgc/imgc_resnet8_int8.tflite"
[target]
name = "ulx3s_85f"
[objectives]
minimise = {objectives}
[space]
icache_bytes = [2048, 4096, 8192, 16384]
icache_ways = 1
icache_line_bytes = 32
dcache_bytes = [2048, 4096, 8192, 16384]
dcache_ways = 1
dcache_line_bytes = 32
multiplier = "pipelined"
divider = "iterative"
shifter = "full"
branch_prediction = ["static", "dynamic"]
bypass = true
cfu = ["none", "simd"]
simd_width = [4, 8, 16]
buffer_depth = [512, 1024, 2048]
unroll = [1, 4]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the kernel says of a process.

    Attributes:
        parent: Its parent's number.
        own_s: CPU-seconds of itself.
        ended_s: Of the children that it has waited for, and theirs.
        resident_bytes: Its resident memory.
        is_launcher: It is the process that starts trials.
        is_search: It is the process in which the search algorithm thinks.
    """

    parent: int
    own_s: float
    ended_s: float
    resident_bytes: int
    is_launcher: bool = False
    is_search: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What the cores did between two looks: CPU-seconds by who used them.

    Attributes:
        end_s: Since the beginning of the run.
        passed_s: Since the look before.
        used_s: CPU-seconds of each of ``KINDS``.
        shares: How many stages had a share of the machine at the end.
    """

    end_s: float
    passed_s: float
    used_s: Mapping[str, float]
    shares: int


@dataclass(slots=True)
class Peak:
    """The most that a stage took, and for how long it was looked at."""

    resident_bytes: int = 0
    cores: float = 0.0
    looks: int = 0


@dataclass(slots=True)
class Accounts:
    """Whose the CPU-seconds are, from one look at all processes to the next.

    A process that ends hands what it used to its parent, so sums never shrink; only whose it was
    has to be remembered: of a trial in what its launcher was handed, of launcher and search in what
    the campaign was.

    Args:
        root: The campaign's process.
    """

    root: int
    peaks: dict[str, Peak] = field(default_factory=dict)
    _own_of_trials_s: dict[int, float] = field(default_factory=dict)
    _of_child_s: dict[int, dict[str, float]] = field(default_factory=dict)
    _before: Mapping[str, float] = field(default_factory=dict)
    _of_stage: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(
        self, processes: Mapping[int, Process], *, machine_s: float, held: Sequence[Share] = ()
    ) -> dict[str, float]:
        """Take a look; return the CPU-seconds by kind since the one before, none at the first.

        Args:
            processes: All of this machine.
            machine_s: CPU-seconds of all cores so far.
            held: The stages that are being built.
        """
        total = self._total(processes)
        total["machine"] = machine_s
        before, self._before = self._before, total
        used = {kind: max(total[kind] - before.get(kind, 0.0), 0.0) for kind in total}
        self._look_at_stages(processes, held)
        if not before:
            return dict.fromkeys(KINDS, 0.0)
        # a tick of the machine and one of its process are not counted at the same moment: a
        # little less than nothing is made good at the next look
        used["others"] = used.pop("machine") - sum(used.values())
        return used

    def _total(self, processes: Mapping[int, Process]) -> dict[str, float]:
        total = dict.fromkeys(KINDS[:3], 0.0)
        children = _children(processes)
        if self.root not in processes:
            return {kind: self._before.get(kind, 0.0) for kind in total}
        campaign = processes[self.root]
        total["service"] += campaign.own_s
        total["tools"] += campaign.ended_s  # what it asks before the first trial
        below_campaign = children.get(self.root, ())
        for pid in below_campaign:
            process = processes[pid]
            if process.is_launcher:
                self._of_child_s[pid] = self._of_launcher(pid, processes, children)
            elif process.is_search:
                self._of_child_s[pid] = {"search": _with_all_below(pid, processes, children)}
            else:
                total["tools"] += _with_all_below(pid, processes, children)
        for pid, spent_s in self._of_child_s.items():
            for kind, seconds in spent_s.items():
                total[kind] += seconds
                if pid not in below_campaign:  # it ended, and the campaign was handed it
                    total["tools"] -= seconds
        return total

    def _of_launcher(
        self, launcher: int, processes: Mapping[int, Process], children: Mapping[int, Sequence[int]]
    ) -> dict[str, float]:
        tools_s, trials = processes[launcher].ended_s, children.get(launcher, ())
        for trial in trials:
            self._own_of_trials_s[trial] = processes[trial].own_s
            tools_s += _with_all_below(trial, processes, children) - processes[trial].own_s
        ended = self._own_of_trials_s.keys() - set(trials)
        tools_s -= sum(self._own_of_trials_s[trial] for trial in ended)
        service_s = processes[launcher].own_s + sum(self._own_of_trials_s.values())
        return {"service": service_s, "tools": tools_s}

    def _look_at_stages(self, processes: Mapping[int, Process], held: Sequence[Share]) -> None:
        children, now_s = _children(processes), time.monotonic()
        before, self._of_stage = self._of_stage, {}
        for share in held:
            if share.pid not in processes:
                continue
            below = [processes[pid] for pid in _all_below(share.pid, children)]
            peak = self.peaks.setdefault(share.stage, Peak())
            peak.looks += 1
            resident_bytes = sum(process.resident_bytes for process in below)
            peak.resident_bytes = max(peak.resident_bytes, resident_bytes)
            name = share.file_name
            spent_s = processes[share.pid].ended_s + sum(map(_whole, below))
            self._of_stage[name] = (now_s, spent_s)
            if name in before and now_s > before[name][0]:
                cores = (spent_s - before[name][1]) / (now_s - before[name][0])
                peak.cores = max(peak.cores, cores)


def _children(processes: Mapping[int, Process]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid, process in processes.items():
        found.setdefault(process.parent, []).append(pid)
    return found


def _all_below(pid: int, children: Mapping[int, Sequence[int]]) -> list[int]:
    found = list(children.get(pid, ()))
    for each in found:
        found += children.get(each, ())
    return found


def _with_all_below(
    pid: int, processes: Mapping[int, Process], children: Mapping[int, Sequence[int]]
) -> float:
    return sum(_whole(processes[each]) for each in (pid, *_all_below(pid, children)))


def _whole(process: Process) -> float:
    return process.own_s + process.ended_s


def look() -> dict[int, Process]:
    """Return all processes of this machine."""
    found = {}
    ticks_per_s, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        found[int(entry.name)] = Process(
            parent=int(fields[1]),
            own_s=sum(map(int, fields[11:13])) / ticks_per_s,
            ended_s=sum(map(int, fields[13:15])) / ticks_per_s,
            resident_bytes=int(fields[21]) * page,
            is_launcher=b"trial_process" in command,
            is_search=b"dse.suggest" in command,
        )
    return found


def watched(process: "subprocess.Popen[bytes]", folder: Path) -> tuple[list[Second], Accounts]:
    """Look at a study's process once a second until it ends.

    Args:
        process: The campaign.
        folder: Where shares of the machine are noted.
    """
    accounts, seconds = Accounts(process.pid), []
    started_s = last_s = time.monotonic()
    accounts.take(look(), machine_s=child.machine_cpu_s())
    while process.poll() is None:
        time.sleep(_LOOK_S)
        held = [share for share in shares(folder) if share.is_held]
        processes, now_s = look(), time.monotonic()
        used_s = accounts.take(processes, machine_s=child.machine_cpu_s(), held=held)
        if process.pid in processes:
            passed_s, end_s = now_s - last_s, now_s - started_s
            seconds.append(Second(end_s=end_s, passed_s=passed_s, used_s=used_s, shares=len(held)))
        last_s = now_s
    return seconds, accounts


def sums_table(seconds: Sequence[Second], *, cores: int) -> str:
    """Lay out who used how much of the cores."""
    there_s = cores * sum(second.passed_s for second in seconds)
    used_s = {kind: sum(second.used_s[kind] for second in seconds) for kind in KINDS}
    left_s = max(there_s - used_s["others"], 1e-9)
    used_s["nobody"] = max(there_s - sum(used_s.values()), 0.0)
    rows = []
    for kind, value in used_s.items():
        of_left = "" if kind == "others" else f"{value / left_s:.1%}"
        rows.append([kind, f"{value:.1f}", f"{value / there_s:.1%}", of_left])
    return table_text(["", "CPU s", f"of {cores} cores", "of what others left"], rows)


def stages_table(peaks: Mapping[str, Peak]) -> str:
    """Lay out the most that each stage took beside what it declares."""
    rows = []
    for name, peak in sorted(peaks.items()):
        stage = STAGES[name]
        rows.append(
            [
                name,
                str(stage.cores) if stage.cores < ALL_CORES else "all",
                f"{peak.cores:.2f}",
                bytes_text(stage.memory_bytes),
                bytes_text(peak.resident_bytes),
                str(peak.looks),
            ]
        )
    header = ["stage", "cores", "most used", "memory", "most used", "looks"]
    return table_text(header, rows)


def picture(seconds: Sequence[Second], *, cores: int, title: str) -> Drawing:
    """Draw who used the cores over time, one above the other."""
    drawing = Drawing(_WIDTH, _HEIGHT, title)
    across = Axis(low=0.0, high=seconds[-1].end_s, start=_LEFT, end=_WIDTH - 12)
    upward = Axis(low=0.0, high=float(cores), start=_HEIGHT - _BOTTOM, end=_TOP)
    step = -(-len(seconds) // _COLUMNS)
    start_s = 0.0
    for first in range(0, len(seconds), step):
        together = seconds[first : first + step]
        passed_s, end_s = sum(each.passed_s for each in together), together[-1].end_s
        floor = 0.0
        for number, kind in enumerate(KINDS):
            used = max(sum(each.used_s[kind] for each in together), 0.0) / passed_s
            top = min(floor + used, float(cores))
            drawing.rect(
                across.at(start_s),
                upward.at(top),
                across.at(end_s) - across.at(start_s),
                upward.at(floor) - upward.at(top),
                _KIND_MARKS[number],
                f"{kind}: {used:.2f} cores",
            )
            floor = top
        start_s = end_s
    frame(drawing, across, upward)
    drawing.text(_WIDTH / 2, _HEIGHT - 8, "seconds", "mid c-soft")
    x = _LEFT
    for number, kind in enumerate(KINDS):
        drawing.rect(x, 10, 12, 12, _KIND_MARKS[number])
        drawing.text(x + 17, 20, kind)
        x += 90
    drawing.text(_WIDTH - 12, 20, title, "end c-soft")
    return drawing


_KIND_MARKS = ("c-series-mark-0", "c-series-mark-3", "c-series-mark-1", "c-track")


def write_table(seconds: Sequence[Second], path: Path) -> None:
    """Write a line for each look: seconds, cores used by each kind, stages with a share."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["end_s", *(f"{kind}_cores" for kind in KINDS), "stages"])
        for each in seconds:
            used = [f"{each.used_s[kind] / each.passed_s:.3f}" for kind in KINDS]
            table.writerow([f"{each.end_s:.1f}", *used, each.shares])


def main() -> int:
    """Run the study, print, write; exit status of the study."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core_use", description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2 * usable_cores())
    parser.add_argument("--algorithm", default="vizier")
    parser.add_argument("--fidelity", default="synthesise")
    parser.add_argument("--out", type=Path, default=Path("core-use"), help="without its ending")
    given = parser.parse_args()
    cores = usable_cores()
    root = default_root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="core-use-", dir=root.parent) as name:
        folder = Path(name)
        make_cache(folder / "cache")
        objectives = ["latency_us"] if given.fidelity == "simulate" else ["latency_us", "lut4"]
        text = CONFIG.format(root=ROOT, objectives=json.dumps(objectives), **vars(given))
        (folder / "study.toml").write_text(text)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DSE_CACHE_DIR": str(folder / "cache"),
            "DSE_MACHINE_DIR": str(folder / "machine"),
        }
        words = ("start", str(folder / "study.toml"), "--db", str(folder / "results.db"))
        process = subprocess.Popen(
            [sys.executable, "-m", "dse.study", *words], cwd=ROOT, env=environment
        )
        try:
            seconds, accounts = watched(process, folder / "machine")
        finally:
            process.terminate()
            process.wait()
        if not accounts.peaks:  # nothing was built
            return process.returncode
    wall_s = seconds[-1].end_s
    title = f"{given.trials} trials, {given.workers} workers, {duration_text(wall_s)}"
    write_table(seconds, given.out.with_suffix(".csv"))
    given.out.with_suffix(".svg").write_bytes(picture(seconds, cores=cores, title=title).file())
    print(f"\n{title}, {cores} cores\n")
    print(sums_table(seconds, cores=cores))
    print()
    print(stages_table(accounts.peaks))
    return process.returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the study is to end with us
    sys.exit(main())
