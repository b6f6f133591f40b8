"""Names of workers: who holds a lease, and whether that process is still there."""

import os
import platform
from functools import cache
from pathlib import Path


def worker_name(pid: int | None = None) -> str:
    """Return a name for a process that no other process has or will have.

    Args:
        pid: Of a process of this machine; None for this one.
    """
    pid = os.getpid() if pid is None else pid
    return f"{_machine()}/{pid}.{_start_ticks(pid)}"


def is_gone(worker: str) -> bool:
    """Tell whether a worker is known to have died; of other machines nothing is known."""
    machine, _, process = worker.rpartition("/")
    if machine != _machine():
        return False
    pid, _, ticks = process.partition(".")
    return not pid.isdigit() or _start_ticks(int(pid)) != ticks


def local_pid(worker: str) -> int | None:
    """Return the process id of a worker that lives on this machine; None of any other."""
    machine, _, process = worker.rpartition("/")
    if machine != _machine() or is_gone(worker):
        return None
    return int(process.partition(".")[0])


@cache
def _machine() -> str:
    """Name the machine and, since containers share machines, the space of process numbers.

    Machines that were cloned have the same name, and the first space has the same number on all:
    what the kernel drew when it started tells them apart.
    """
    namespace = Path("/proc/self/ns/pid").readlink().name
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        boot = "-"
    return f"{platform.node()}/{boot}.{namespace.strip('pid:[]')}"


def _start_ticks(pid: int) -> str:
    """Return when a process started, or an empty text when there is none: numbers are reused."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the program's name before it may hold anything
    return "" if fields[0] == "Z" else fields[19]
