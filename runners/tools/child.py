"""Child processes: how each one is started, ended with all that it started, and looked at.

Every program that this software starts and does not simply wait for is a session of its own, so
a terminal's Ctrl-C does not reach it and it can be ended as a whole. Nothing outside this module
starts or kills process groups.
"""

import contextlib
import ctypes
import functools
import os
import resource
import signal
import subprocess
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from runners import ROOT

_PR_SET_PDEATHSIG = 1
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def start(
    command: Sequence[str],
    *,
    is_tied: bool,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a program in a session, and so a process group, of its own.

    Args:
        command: Program and arguments; nothing is given to a shell.
        is_tied: The kernel kills the program when the thread that starts it ends, for whatever
            reason. Not for what outlives its parent, or is started by a thread that ends earlier
            and notices the end of its parent by itself.
        cwd: Folder to run in; this process' own if None.
        env: Variables added to the environment.
        stdin: As for ``subprocess``; an empty one by default.
        stdout: As for ``subprocess``.
        stderr: As for ``subprocess``.
        pass_fds: File descriptors that it inherits.

    Raises:
        OSError: It cannot be started.
    """
    return subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, os.getpid()) if is_tied else None,
    )


def output_of(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit_s: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a program that only tells something; what it has started ends with it.

    Args:
        command: Program and arguments.
        cwd: Folder to run in; this process' own if None.
        env: Variables added to the environment.
        limit_s: Wall-clock limit; None for none.

    Returns:
        Its exit status, standard output and standard error.

    Raises:
        OSError: It cannot be started.
        subprocess.TimeoutExpired: The limit was reached.
    """
    with start(
        command,
        is_tied=True,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            said = [text.decode(errors="replace") for text in process.communicate(timeout=limit_s)]
        finally:
            end(process)
    return subprocess.CompletedProcess(command, process.returncode, *said)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to all of a process group; one that has ended already is no error.

    Args:
        pid: Of the process that leads the group.
        number: The signal.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@contextlib.contextmanager
def guarded_group(pid: int) -> Iterator[None]:
    """Let a process group be killed when this process ends meanwhile, for whatever reason.

    The kernel kills a tied program with its parent, but nothing that the program has started: a
    compiler's driver would leave its compiler running for minutes. A shell of its own session
    waits for the end of a pipe whose other end only this process has.

    Args:
        pid: Of the process that leads the group.
    """
    reading, writing = os.pipe()
    try:
        guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _ || kill -s KILL -- "-$0"', str(pid)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    try:
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):  # somebody has killed the guard
            os.write(writing, b"\n")
        os.close(writing)
        guard.wait()


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program and all that it started, and wait for its end."""
    if process.returncode is None:  # else its number may be another program's by now
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def die_with_parent(parent_pid: int) -> None:
    """Let the kernel kill this process when its parent ends; called first thing in a child.

    Args:
        parent_pid: The parent's id, to notice that it has ended already.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # the parent died before prctl took effect
        os._exit(127)


def start_copy(work: Callable[[], NoReturn]) -> int:
    """Start a copy of this process that does something else, and ends with this one.

    For a process of one thread. The copy leads a process group of its own.

    Args:
        work: Ends the copy by itself.

    Returns:
        The copy's process id, to be waited for.
    """
    parent_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            die_with_parent(parent_pid)
            work()
        finally:  # only after an exception: nothing of the caller's may go on in a copy of it
            traceback.print_exc()
            os._exit(1)
    with contextlib.suppress(OSError):  # here too, so that no signal to the group comes too early
        os.setpgid(pid, pid)
    return pid


def importing_environment() -> dict[str, str]:
    """Return the variables with which a child imports our modules, and what the user's path has."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH"))
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def answers_of_copy(
    work: Callable[[Callable[[bytes], None]], None], *, limit_s: float, memory_bytes: int
) -> tuple[bytes, int]:
    """Call a function in a copy of this process, which it may crash, fill or keep busy.

    For a process of one thread that asks a C library about many files: loading the library takes
    a hundred times as long as one question.

    Args:
        work: Hands each answer to what it is given; what it leaves in memory is gone with the
            copy.
        limit_s: Wall-clock limit between two answers, at which SIGALRM ends the copy.
        memory_bytes: Limit of the copy's address space, with what this process has already.

    Returns:
        The answers as far as they go, and how the copy ended: 0 if well, else an exit status, or
        the number of a signal with a minus sign.
    """
    parent_pid = os.getpid()
    reading, writing = os.pipe()

    def answer(content: bytes) -> None:
        os.write(writing, content)
        signal.setitimer(signal.ITIMER_REAL, limit_s)

    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent(parent_pid)
            os.close(reading)
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.setitimer(signal.ITIMER_REAL, limit_s)
            work(answer)
            os._exit(0)
        finally:  # only after an exception: nothing of the caller's may go on in a copy of it
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        answers = source.read()
    return answers, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUse:
    """What the living processes of a session use together.

    Attributes:
        cpu_s: User and system CPU-seconds so far, with those of children that they waited for.
        resident_bytes: Resident memory now.
    """

    cpu_s: float
    resident_bytes: int


def session_use(session: int) -> SessionUse:
    """Look at a session that ``start`` made; its number is the process id of the program."""
    ticks = pages = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # the name of the program, in brackets, may hold blanks: count from its end
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[3]) == session:
            ticks += sum(map(int, fields[11:15]))
            pages += int(fields[21])
    return SessionUse(cpu_s=ticks / _TICKS_PER_S, resident_bytes=pages * resource.getpagesize())


def trees_cpu_s(roots: Collection[int]) -> float:
    """Return the CPU-seconds so far of processes and all that they started and waited for.

    A process that ends moves what it used to its parent, so between two looks the difference is
    what was used meanwhile.

    Args:
        roots: Process ids; those that are not there count nothing.
    """
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        ticks[int(entry.name)] = sum(map(int, fields[11:15]))
        children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = set[int](), list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in ticks and pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return sum(ticks[pid] for pid in found) / _TICKS_PER_S


def machine_cpu_s() -> float:
    """Return the CPU-seconds that all cores of this machine have worked since it started."""
    with Path("/proc/stat").open() as file:
        user, nice, system, _idle, _waiting, *rest = map(int, file.readline().split()[1:8])
    return (user + nice + system + sum(rest)) / _TICKS_PER_S


def spent_cpu_s(*who: int) -> float:
    """Return the CPU-seconds spent so far, ended children or this process or both.

    Args:
        who: ``resource.RUSAGE_CHILDREN`` and ``resource.RUSAGE_SELF``, one or both.
    """
    usages = map(resource.getrusage, who)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
