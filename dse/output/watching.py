"""``watch``: one look at a running study, as a line, as a table for a terminal, as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dse.output.disks import Disk
from dse.output.report import time_text
from dse.store import HeldTrial, TrialState
from dse.words import bytes_text, duration_text, metrics_text, plural, printable, stage_text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dse.results.progress import FaultCount, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What stages have of a machine together, of as much as the study lets them have.

    Attributes:
        cores: They keep busy.
        most_cores: They may keep busy.
        memory_bytes: They may have resident.
        most_memory_bytes: All of them may have resident.
        waiting: Stages that found no room yet.
    """

    cores: int
    most_cores: int
    memory_bytes: int
    most_memory_bytes: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a study.

    Attributes:
        study: Its name.
        now_s: When, seconds since 1970.
        progress: Where it stands.
        faults: Of trials that did not complete, the most frequent first.
        best: Best value of each objective so far.
        busy_cores: Cores of this machine that the study's processes used since the look before;
            None where none of them is on this machine, or at the first look.
        machine_cores: Cores that anything on this machine used since then; None at the first look.
        cores: That this machine has.
        taken: What stages have of this machine, those of other studies too.
        disks: Where database and artefacts are.
        is_over: Nothing is left to do.
    """

    study: str
    now_s: float
    progress: "Progress"
    faults: "Sequence[FaultCount]"
    best: Mapping[str, float]
    busy_cores: float | None
    machine_cores: float | None
    cores: int
    taken: Taken
    disks: Sequence[Disk]
    is_over: bool

    @property
    def workers(self) -> tuple[str, ...]:
        """Who runs a trial now."""
        return tuple(sorted({held.worker for held in self.progress.running}))


def look_data(look: Look) -> dict[str, Any]:
    """Return a look as JSON values."""
    progress = look.progress
    return {
        "study": look.study,
        "time": time_text(look.now_s),
        "done": progress.done,
        "expected": progress.expected,
        "counts": {state.value: count for state, count in progress.counts.items()},
        "workers": list(look.workers),
        "running": [
            {
                "trial": held.number,
                "attempt": held.attempt,
                "worker": held.worker,
                "stage": held.stage,
                "stage_fraction": held.fraction,
                "cycles": None if held.cycles is None else held.cycles.done,
                "expected_cycles": None if held.cycles is None else held.cycles.expected,
                "stage_s": _since(held.stage_since_s, look),
                "trial_s": _since(held.started_s, look),
                "silent_s": _since(held.heartbeat_s, look),
            }
            for held in progress.running
        ],
        "eta_s": progress.eta_s,
        "busy_cores": look.busy_cores,
        "machine_cores": look.machine_cores,
        "cores": look.cores,
        "taken": asdict(look.taken),
        "faults": [
            {
                "kind": fault.kind,
                "trials": fault.trials,
                "infeasible": fault.infeasible,
                "example": fault.example,
                "what": fault.what,
            }
            for fault in look.faults
        ],
        "best": dict(look.best),
        "disks": [
            {"what": d.what, "folder": d.folder, "free_bytes": d.free_bytes, "is_low": d.is_low}
            for d in look.disks
        ],
        "is_stopping": progress.is_stopping,
        "is_stopped": progress.is_stopped,
        "is_over": look.is_over,
    }


def look_line(look: Look) -> str:
    """Write a look in one line, for a log."""
    held = "; ".join(
        f"{each.number} {_stage(each)}, {duration_text(_since(each.stage_since_s, look) or 0.0)}"
        for each in look.progress.running
    )
    parts = [
        f"{time_text(look.now_s)} {_done_text(look)}",
        f"{len(look.progress.running)} running" + (f" ({held})" if held else ""),
        _cores_text(look),
        _taken_text(look.taken),
        _eta_text(look),
        _faults_text(look),
        _best_text(look),
        *(_disk_text(disk) for disk in look.disks),
        *([_standing(look)] if _standing(look) else []),
    ]
    return ", ".join(filter(None, parts))


def look_table(look: Look) -> "RenderableType":
    """Lay out a look for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    running = Table(expand=False)
    for column in ("trial", "stage", "in it for", "all in all", "worker", "heard of"):
        running.add_column(column)
    for held in look.progress.running:
        again = f" (attempt {held.attempt})" if held.attempt > 1 else ""
        running.add_row(
            f"{held.number}{again}",
            Text(_stage(held)),
            _duration(held.stage_since_s, look),
            _duration(held.started_s, look),
            Text(printable(held.worker)),
            f"{_duration(held.heartbeat_s, look)} ago",
        )
    head = [
        f"{look.study}: {_done_text(look)}",
        ", ".join(filter(None, (_eta_text(look), _cores_text(look), _taken_text(look.taken)))),
        _best_text(look),
        ", ".join(_disk_text(disk) for disk in look.disks),
        _standing(look),
    ]
    parts: list[RenderableType] = [Text(line) for line in head if line]
    if look.progress.running:
        parts.append(running)
    if look.faults:
        faults = Table(expand=False)
        for column in ("fault", "trials", "example", "what"):
            faults.add_column(column)
        for fault in look.faults:
            what = printable(fault.what or "")
            faults.add_row(fault.kind, str(fault.trials), str(fault.example), Text(what))
        parts.append(faults)
    return Group(*parts)


def _since(time_s: float | None, look: Look) -> float | None:
    return None if time_s is None else round(max(look.now_s - time_s, 0.0), 1)


def _duration(time_s: float | None, look: Look) -> str:
    since_s = _since(time_s, look)
    return "" if since_s is None else duration_text(since_s)


def _stage(held: HeldTrial) -> str:
    return stage_text(printable(held.stage or "starting"), held.fraction, held.cycles)


def _done_text(look: Look) -> str:
    counts = look.progress.counts
    shown = (TrialState.COMPLETED, TrialState.INFEASIBLE, TrialState.FAILED, TrialState.WAITING)
    parts = ", ".join(f"{counts[state]} {state}" for state in shown if counts[state])
    told = f"{look.progress.done} of {plural(look.progress.expected, 'trial')} done"
    return f"{told} ({parts})" if parts else told


def _cores_text(look: Look) -> str:
    if look.machine_cores is None:
        return ""
    ours = "" if look.busy_cores is None else f", {look.busy_cores:.1f} by this study"
    return f"cores in use {look.machine_cores:.1f} of {look.cores}{ours}"


def _taken_text(taken: Taken) -> str:
    if not taken.cores and not taken.waiting:
        return ""
    waiting = f", {plural(taken.waiting, 'stage')} waiting" if taken.waiting else ""
    return (
        f"stages have {taken.cores} of {plural(taken.most_cores, 'core')}"
        f" and {bytes_text(taken.memory_bytes)} of {bytes_text(taken.most_memory_bytes)}{waiting}"
    )


def _eta_text(look: Look) -> str:
    return "" if look.progress.eta_s is None else f"ETA {duration_text(look.progress.eta_s)}"


def _faults_text(look: Look) -> str:
    if not look.faults:
        return ""
    return "faults " + " ".join(f"{fault.kind} x{fault.trials}" for fault in look.faults)


def _best_text(look: Look) -> str:
    return f"best so far: {metrics_text(look.best)}" if look.best else ""


def _disk_text(disk: Disk) -> str:
    low = "DISK LOW: " if disk.is_low else ""
    return f"{low}{bytes_text(disk.free_bytes)} free for the {disk.what}"


def _standing(look: Look) -> str:
    """Say why nothing happens, where nothing does."""
    if look.is_over:
        return "the study has ended"
    if look.progress.is_stopped:
        return "stopped as asked; `resume` goes on"
    if look.progress.is_stopping:
        return "stopping: the running trials end, no other starts"
    return "" if look.progress.running else "nobody runs a trial now"
