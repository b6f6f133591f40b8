"""What ``watch`` does: look at a study and at this machine, again and again."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.untrusted import parse_json
from dse.campaign.promotion import to_promote
from dse.output.disks import disks_of
from dse.output.watching import Look, Taken, look_data, look_line, look_table
from dse.results.columns import StudyColumns
from dse.results.front import has_objectives
from dse.results.progress import Progress, fault_counts, progress
from dse.results.study_results import StudyResults
from dse.store import Reader, TrialState
from dse.store.workers import local_pid
from dse.words import json_text
from runners.pipeline import machine_of, shares
from runners.tools import child

_FIRST_S = 0.5
"""Between the first two looks: only the second one can tell how many cores are in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What was used up to one moment: by the machine and by some processes, CPU-seconds."""

    time_s: float
    machine_s: float
    pids: frozenset[int]
    ours_s: float


class Watcher:
    """Looks at a study, each time reading only what is new.

    Args:
        reader: The database.
        study: Name of the study.
        folders: What is written where, for the free space.
    """

    def __init__(self, reader: Reader, study: str, *, folders: Mapping[str, Path]) -> None:
        self._reader = reader
        self._name = study
        self._folders = folders
        self._results = StudyResults(study)
        self._before: _Use | None = None
        self._designs = _designs_in_space(reader, study)

    def look(self) -> Look:
        """Look once.

        Raises:
            NotFound: There is no study of that name.
            StoreError: The database cannot be read.
        """
        now_s = self._reader.now_s()
        self._results.update(self._reader)
        columns = self._results.columns()
        held = self._reader.held_trials(columns.id, now_s=now_s)
        ours = {pid for each in held if (pid := local_pid(each.worker)) is not None}
        before, self._before = self._before, _use(ours)
        busy, machine = _cores_between(before, self._before)
        standing = progress(columns, held, now_s=now_s)
        return Look(
            study=self._name,
            now_s=now_s,
            progress=standing,
            faults=fault_counts(columns, np.ones(len(columns), dtype=np.bool_)),
            best=_best(columns),
            busy_cores=busy,
            machine_cores=machine,
            cores=len(os.sched_getaffinity(0)),
            taken=_taken(columns),
            disks=disks_of(self._folders),
            is_over=self._is_over(columns, standing),
        )

    def _is_over(self, columns: StudyColumns, standing: Progress) -> bool:
        """Tell whether every design that was asked for has ended, and what it led to."""
        return (
            standing.done >= min(standing.expected, self._designs or standing.expected)
            and not standing.running
            and not standing.counts[TrialState.WAITING]
            and not to_promote(columns)
        )


def watch_study(
    reader: Reader,
    study: str,
    *,
    once: bool,
    interval_s: float,
    is_terminal: bool,
    as_json: bool,
    folders: Mapping[str, Path],
    show: Callable[[str], None],
) -> None:
    """Show a study until it has ended, or once; nothing about it changes.

    Args:
        reader: The database.
        study: Name of the study.
        once: Look once.
        interval_s: Between two looks.
        is_terminal: Draw a table that replaces itself, instead of a line for each look.
        as_json: Lines are JSON objects.
        folders: What is written where, for the free space.
        show: Prints a line.

    Raises:
        NotFound: There is no study of that name.
        StoreError: The database cannot be read.
    """
    watcher = Watcher(reader, study, folders=folders)

    def text(look: Look) -> str:
        return json_text(look_data(look)) if as_json else look_line(look)

    watcher.look()  # what the machine has used until now
    time.sleep(_FIRST_S)
    look = watcher.look()
    if once or not is_terminal:
        show(text(look))
        while not once and not look.is_over:
            time.sleep(interval_s)
            look = watcher.look()
            show(text(look))
        return
    from rich.console import Console
    from rich.live import Live

    with Live(look_table(look), console=Console(), auto_refresh=False) as live:
        while not look.is_over:
            time.sleep(interval_s)
            look = watcher.look()
            live.update(look_table(look), refresh=True)


def _best(columns: StudyColumns) -> dict[str, float]:
    """Return the best value of each objective among the trials that count for the front."""
    counted = columns.standing.kept & has_objectives(columns)
    config = columns.config
    return {
        name: float((np.max if name in config.maximise else np.min)(columns.column(name)[counted]))
        for name in (config.objectives if counted.any() else ())
    }


def _taken(columns: StudyColumns) -> Taken:
    """Return what stages have of this machine, and what the study lets all of them have."""
    machine = machine_of(columns.config.job({}))
    there = shares(machine.folder)
    held = [share for share in there if share.is_held]
    return Taken(
        cores=sum(share.cores for share in held),
        most_cores=machine.cores,
        memory_bytes=sum(share.memory_bytes for share in held),
        most_memory_bytes=machine.memory_bytes,
        waiting=len(there) - len(held),
    )


def _designs_in_space(reader: Reader, study: str) -> int | None:
    """Return how many designs there are, as it was written down when the study ran last."""
    try:
        return int(parse_json(reader.study(study).space_json or "{}")["designs"])
    except (ValueError, KeyError, TypeError):
        return None


def _use(pids: Collection[int]) -> _Use:
    return _Use(
        time_s=time.monotonic(),
        machine_s=child.machine_cpu_s(),
        pids=frozenset(pids),
        ours_s=child.trees_cpu_s(pids),
    )


def _cores_between(before: _Use | None, now: _Use) -> tuple[float | None, float | None]:
    """Return the cores that the processes of before still use, and those that the machine does."""
    if before is None or now.time_s <= before.time_s:
        return None, None
    passed_s = now.time_s - before.time_s
    machine = max(now.machine_s - before.machine_s, 0.0) / passed_s
    if not now.pids or not before.pids <= now.pids:  # one has ended, with what it had used
        return None, machine
    joined_s = child.trees_cpu_s(now.pids - before.pids)
    return max(now.ours_s - joined_s - before.ours_s, 0.0) / passed_s, machine
