"""Cores and memory of this machine: a stage that is built takes its share and gives it back.

All processes of a user on a machine share one folder, whichever campaign, database or cache they
are of. A share is an empty file there: its name says what it is, and its builder holds its lock,
so the share of a process that dies, however it dies, is given back by the kernel.

A trial is a process, and who began first has its turn first: some trials end, and the search
learns of them, while younger ones fill what they leave. Beyond ten minutes age does not count, so a
process that builds all day is not always the first. Who asks for much waits no longer than who asks
for little, and as nobody takes a second share, or a lock, while holding one, nobody waits for ever.
Who waits and is stopped (Ctrl-Z) is passed over meanwhile.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.faults import ToolCrashed
from runners.job import Job
from runners.pipeline.locks import lock_file, locked_file, try_to_lock_file
from runners.tools import fault_of_os_error

ALL_CORES = 1 << 16
"""Asked for by what uses as many as there are, such as ninja: it runs alone."""

_LOOK_S = 0.05
_TOLD_S = 1.0
"""Who waits longer is said to wait."""
_SENIORITY_S = 600.0
"""Who began earlier than so long ago has its turn as if it had begun then."""
_LOCK = "lock"
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one stage has of the machine, or waits for.

    Attributes:
        began_ms: When its process began, milliseconds of the machine's clock; the first one's
            turn is first.
        number: Of those that began at the same time, the first that asked has its turn first.
        is_held: It is being used; else it is waited for.
        cores: How many cores the stage keeps busy.
        memory_bytes: Most resident memory of each program of the stage.
        pid: Of the process that builds the stage.
        stage: Its name.
    """

    began_ms: int
    number: int
    is_held: bool
    cores: int
    memory_bytes: int
    pid: int
    stage: str

    @property
    def turn(self) -> tuple[int, int]:
        """Place in the order of turns: the smaller one comes first."""
        return self.began_ms, self.number

    @property
    def file_name(self) -> str:
        """The name of its file."""
        state = "held" if self.is_held else "waiting"
        numbers = (self.began_ms, self.number, self.cores, self.memory_bytes, self.pid)
        return "-".join((state, *map(str, numbers), self.stage))


class Machine:
    """So much of this machine as stages may use at the same time.

    Args:
        folder: Where the shares of all are; ``default_folder()`` for those of this user. Made
            when a share is taken.
        cores: Most cores of all shares together; None for all that this process may use.
        memory_bytes: Most memory of all shares together; None for all that there is.

    A process with smaller numbers than others starts a stage only where all shares together, those
    of others too, are within its own; the others wait behind it meanwhile.
    """

    def __init__(
        self, folder: Path, *, cores: int | None = None, memory_bytes: int | None = None
    ) -> None:
        self.folder = folder
        self.cores = cores or usable_cores()
        self.memory_bytes = memory_bytes or usable_memory_bytes()

    @contextmanager
    def share(
        self,
        stage: str,
        *,
        cores: int,
        memory_bytes: int,
        waiting: Callable[[], None] = lambda: None,
    ) -> Iterator[Share]:
        """Hold a share while the block runs; a stage that wants more than there is gets it all.

        Args:
            stage: Who asks.
            cores: How many it keeps busy.
            memory_bytes: What it needs at the most.
            waiting: Called once when it has been waited for a second.

        Raises:
            DiskFull, ToolCrashed: The folder cannot be made or written, or is somebody else's.
        """
        wanted = Share(
            began_ms=_began_ms(),
            number=0,
            is_held=False,
            cores=min(cores, self.cores),
            memory_bytes=min(memory_bytes, self.memory_bytes),
            pid=os.getpid(),
            stage=stage,
        )
        _make(self.folder)
        with self._in_line(wanted) as asked:
            told_s: float | None = time.monotonic() + _TOLD_S
            while (held := self._take(asked)) is None:
                if told_s is not None and time.monotonic() >= told_s:
                    told_s = None
                    waiting()
                time.sleep(_LOOK_S)
            yield held

    @contextmanager
    def _in_line(self, wanted: Share) -> Iterator[Share]:
        """Stand in the line of those who ask, and leave it, or give the share back, at the end."""
        asked = wanted
        try:
            with locked_file(self.folder / _LOCK):
                last = max((share.number for share in self._living()), default=0)
                asked = replace(wanted, number=last + 1)
                lock = lock_file(self.folder / asked.file_name)  # whoever looks has it briefly
        except OSError as error:
            raise self._fault(error) from error
        try:
            yield asked
        finally:
            for share in (asked, replace(asked, is_held=True)):
                (self.folder / share.file_name).unlink(missing_ok=True)
            lock.release()

    def _take(self, asked: Share) -> Share | None:
        """Take the share if it is its turn and there is room for it, else return None."""
        try:
            with locked_file(self.folder / _LOCK):
                living = self._living()
                before = (s for s in living if not s.is_held and s.turn < asked.turn)
                if not all(map(_is_stopped, before)):
                    return None
                held = [share for share in living if share.is_held]
                if sum(share.cores for share in held) + asked.cores > self.cores:
                    return None
                memory_bytes = sum(share.memory_bytes for share in held)
                if memory_bytes + asked.memory_bytes > self.memory_bytes:
                    return None
                taken = replace(asked, is_held=True)
                (self.folder / asked.file_name).rename(self.folder / taken.file_name)
                return taken
        except OSError as error:
            raise self._fault(error) from error

    def _living(self) -> list[Share]:
        """Return all shares of processes that live, and remove the others'; under the lock."""
        found = []
        for path in self.folder.iterdir():
            share = _parsed(path.name)
            if share is None:
                continue
            lock = try_to_lock_file(path)
            if lock is None:
                found.append(share)
            else:
                path.unlink(missing_ok=True)
                lock.release()
        return found

    def _fault(self, error: OSError) -> Exception:
        return fault_of_os_error(
            error, f"a share of the machine cannot be taken in {self.folder}", self.folder
        )


def machine_of(job: Job) -> Machine:
    """Return so much of this machine as the stages of all may use while those of a job do."""
    return Machine(default_folder(), cores=job.machine_cores, memory_bytes=job.machine_memory_bytes)


def shares(folder: Path) -> tuple[Share, ...]:
    """Return who has or waits for a share, by turn; looking makes and removes nothing."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return ()
    found = [s for name in names if (s := _parsed(name)) is not None and _is_locked(folder / name)]
    return tuple(sorted(found, key=lambda share: share.turn))


def default_folder() -> Path:
    """Return ``$DSE_MACHINE_DIR``, else a folder of this user for this machine alone.

    Not in the cache: several machines may share that, or several caches a machine.
    """
    named = os.environ.get("DSE_MACHINE_DIR")
    return Path(named).absolute() if named else Path(f"/tmp/soft-soc-dse-{os.getuid()}")


def usable_cores(cgroups: Path = _CGROUPS) -> int:
    """Return how many cores this process may use: its affinity, or less where a container says."""
    cores = len(os.sched_getaffinity(0))
    numbers = _numbers(cgroups / "cpu.max") or (
        *_numbers(cgroups / "cpu" / "cpu.cfs_quota_us"),
        *_numbers(cgroups / "cpu" / "cpu.cfs_period_us"),
    )
    if len(numbers) != 2 or min(numbers) <= 0:  # -1 is no quota
        return cores
    quota, period = numbers
    return max(1, min(cores, quota // period))


def usable_memory_bytes(cgroups: Path = _CGROUPS) -> int:
    """Return the memory of this machine, or less where a container has less."""
    limits = (
        *_numbers(cgroups / "memory.max"),
        *_numbers(cgroups / "memory" / "memory.limit_in_bytes"),
    )
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(there, *limits) if limits else there


def _numbers(path: Path) -> tuple[int, ...]:
    """Return the numbers of a file of the kernel; none where there is no file, or no limit."""
    try:
        return tuple(int(word) for word in path.read_text().split())
    except (OSError, ValueError):  # "max" is no limit
        return ()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise fault_of_os_error(
            error, f"the folder {folder} for shares of the machine cannot be made", folder
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ToolCrashed(
            f"{folder}, where shares of this machine are noted, is not a folder of this user",
            fix="remove it, or name another folder by DSE_MACHINE_DIR",
        )


def _parsed(name: str) -> Share | None:
    """Return the share that a file's name tells; None for any other file."""
    state, *words = name.split("-", 6)
    numbers, stage = words[:5], words[5:]
    if state not in ("held", "waiting") or not stage:
        return None
    if not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    began_ms, number, cores, memory_bytes, pid = map(int, numbers)
    return Share(
        began_ms=began_ms,
        number=number,
        is_held=state == "held",
        cores=cores,
        memory_bytes=memory_bytes,
        pid=pid,
        stage=stage[0],
    )


def _began_ms() -> int:
    """Return when this process began, or ten minutes ago where that is later."""
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    began_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return round(1000 * max(min(began_s, now_s), now_s - _SENIORITY_S))


def _is_stopped(share: Share) -> bool:
    """Tell whether the process of a share is stopped: it cannot take what it waits for."""
    try:
        text = Path(f"/proc/{share.pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] in ("T", "t")


def _is_locked(path: Path) -> bool:
    """Tell whether somebody holds the lock of a file; it is not made."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
