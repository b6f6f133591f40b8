"""Running outside programs: every compiler, simulator and synthesiser goes through ``run_tool``.

A program runs in a process group of its own that ends with its parent, under a time and a memory
limit, with its output in a log; its end is mapped to a fault of the closed list.
"""

import contextlib
import errno
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from contracts.faults import DiskFull, DseError, OutOfMemory, ToolCrashed, ToolMissing, ToolTimeout
from runners import SETUP
from runners.tools import child

_DETAIL_CHARS = 2000
_COMPLAINT_CHARS = 400
_LOG_BYTES = 4 << 20
"""So much of the beginning of a program's output is searched for its first error."""
_VERSION_LIMIT_S = 120.0
_MEMORY_LOOK_S = 0.25
_WATCH_S = 1.0
_COMPUTING_SHARE = 0.5
"""A program that used less of its time than this was waiting for something else."""
_OUT_OF_MEMORY_SIGNS = ("bad_alloc", "cannot allocate memory", "out of memory", "memoryerror")
_DISK_FULL_SIGNS = ("no space left on device", "disk quota exceeded")
_SIGNAL_SIGNS = ("signal terminated program", "terminated by signal", "dumped core", "core dumped")
"""What a compiler's driver says when a signal ended the program that it had started."""
_FIRST_SIGNAL_STATUS = 128
"""A shell's exit status from here on stands for a signal."""
_ERROR_LINE = re.compile(
    r"^(?!%?warning)(?:.*?(?:^|[: \t%])\w*error(?:-\w+)?:.*|.*undefined reference to.*"
    r"|.*multiple definition of.*|.*cannot find -l.*)$",
    re.IGNORECASE | re.MULTILINE,
)
"""How gcc, clang, ld, the assembler, Verilator, yosys and nextpnr begin to say what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """What one run of a program cost.

    Attributes:
        wall_s: Seconds from start to end.
        cpu_s: User and system CPU-seconds of the program and the children it waited for.
        max_rss_bytes: Largest resident set of the program or of one of those children.
    """

    wall_s: float
    cpu_s: float
    max_rss_bytes: int


def run_tool(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    log: Path,
    timeout_s: float,
    memory_bytes: int | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    stdout: Path | None = None,
    watch: Callable[[], None] | None = None,
) -> ToolRun:
    """Run a program to its end.

    Args:
        command: Program and arguments; nothing is given to a shell.
        cwd: Folder to run in.
        log: File that receives standard output and error together, appended to.
        timeout_s: Wall-clock limit; the whole process group is killed at it.
        memory_bytes: Limit of the resident memory of the program and its children together,
            None for none. Not of address space: WebAssembly programs reserve far more than
            they use.
        env: Variables added to the environment.
        stdin: File that the program reads as its standard input, None for an empty one.
        stdout: File that receives standard output, None for the log.
        watch: Called about once a second while the program runs, for example to read its log.
            What it raises stops the program.

    Returns:
        The cost of the run.

    Raises:
        ToolMissing: The program is not installed.
        ToolTimeout: The time limit was reached.
        OutOfMemory: The program reported it, or the kernel killed it.
        DiskFull: The program or its log could not be written for lack of space.
        ToolCrashed: Any other end with a status that is not 0; ``detail`` has the log's end.
    """
    words = [find_program(command[0]), *(str(word) for word in command[1:])]
    name = Path(words[0]).name
    started_s = time.monotonic()
    try:
        with (
            log.open("ab") as sink,
            Path(os.devnull if stdin is None else stdin).open("rb") as source,
            contextlib.nullcontext(sink) if stdout is None else stdout.open("wb") as target,
        ):
            offset = sink.tell()
            process = child.start(
                words,
                is_tied=True,
                cwd=cwd,
                env=env,
                stdin=source,
                stdout=target,
                stderr=subprocess.STDOUT,
            )
    except OSError as error:
        raise fault_of_os_error(error, f"{name} could not be started in {cwd}", cwd) from error
    try:
        with child.guarded_group(process.pid):
            end, usage = _wait(
                process,
                deadline_s=started_s + timeout_s,
                memory_bytes=memory_bytes,
                watch=watch or _nothing,
            )
    finally:
        child.signal_group(process.pid, signal.SIGKILL)  # what it left behind
        if process.returncode is None:
            process.wait()  # whoever watches has stopped it
    run = ToolRun(
        wall_s=time.monotonic() - started_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        max_rss_bytes=usage.ru_maxrss * 1024,
    )
    if isinstance(end, _Stopped):
        raise _fault_of_limit(
            name,
            end,
            run.wall_s,
            timeout_s=timeout_s,
            memory_bytes=memory_bytes or 0,
            log=log,
            tail=_tail(log, offset),
        )
    if end != 0:
        raise _fault_of_status(name, end, log=log, text=_text(log, offset))
    return run


def first_error_line(text: str) -> str:
    """Return the first line of a program's output that tells an error.

    Where no line looks like one it is the last that is not empty, and where there is none an empty
    text.
    """
    found = _ERROR_LINE.search(text)
    lines = [line for line in text.splitlines() if line.strip()]
    line = found[0] if found else lines[-1] if lines else ""
    return line.strip()[:_COMPLAINT_CHARS]


def machine_fault(text: str, doing: str, folder: Path | None = None) -> DseError | None:
    """Return the machine's fault that a failed program's output tells, or None when it tells none.

    Args:
        text: What the program wrote.
        doing: Who could not do what, for the message.
        folder: Where the program ran.
    """
    lower = text.lower()
    if any(sign in lower for sign in _DISK_FULL_SIGNS):
        return disk_full(doing, folder, detail=text[-_DETAIL_CHARS:])
    if any(sign in lower for sign in _OUT_OF_MEMORY_SIGNS):
        return OutOfMemory(
            f"{doing}: out of memory",
            fix="raise limits.memory_bytes or run fewer workers, then `resume` the study",
            detail=text[-_DETAIL_CHARS:],
        )
    return None


def tool_version(command: Sequence[str | Path]) -> str:
    """Return the first line that ``command`` prints, for keys and for the record.

    Raises:
        ToolMissing: The program is not installed, or it cannot tell its version.
    """
    words = [find_program(command[0]), *(str(word) for word in command[1:])]
    try:
        answer = child.output_of(words, limit_s=_VERSION_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise ToolMissing(
            f"{' '.join(words)} did not tell its version within {_VERSION_LIMIT_S:.0f} s",
            fix=f"look at the load of this machine, or install it again: {SETUP}",
        ) from error
    lines = (answer.stdout + answer.stderr).strip().splitlines()
    if answer.returncode != 0 or not lines:
        raise ToolMissing(
            f"{' '.join(words)} does not tell its version (exit {answer.returncode})",
            fix=f"install it again: {SETUP}",
            detail="\n".join(lines[:20]),
        )
    return lines[0].strip()


def find_program(program: str | Path) -> str:
    """Return the path of a program from PATH, else from this Python's own environment.

    Raises:
        ToolMissing: It is in neither.
    """
    found = shutil.which(program) or shutil.which(program, path=Path(sys.executable).parent)
    if found is None:
        raise ToolMissing(
            f"{Path(program).name} is not installed (looked for {str(program)!r} on PATH)",
            fix=f"run `{SETUP}`, which names the Debian packages that are missing",
        )
    return found


def disk_full(doing: str, folder: Path | None, *, detail: str = "") -> DiskFull:
    """Return the fault of a full disk, which names the folder and what is free there.

    Args:
        doing: Who could not do what.
        folder: Where it was to be written; None for where temporary files are.
        detail: What a program said.
    """
    there = (folder or Path(tempfile.gettempdir())).absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    return DiskFull(
        f"{doing}: the disk is full, {free:,} bytes are free in {there}",
        fix="free space there, `cache --prune --limit SIZE` for example; the study goes on by"
        " itself, or `resume` it",
        detail=detail,
    )


def fault_of_os_error(error: OSError, doing: str, folder: Path | None = None) -> DseError:
    """Map an error of the operating system to the closed list.

    Args:
        error: What the system said.
        doing: Who could not do what.
        folder: Where something was to be written, as far as known.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(doing, folder)
    if error.errno == errno.ENOMEM:
        return OutOfMemory(f"{doing}: out of memory", fix="run fewer workers, then `resume`")
    return ToolCrashed(f"{doing}: {error}", fix="check the folder's permissions")


def is_computing(*, cpu_s: float, wall_s: float) -> bool:
    """Tell whether a program had the processor for enough of its time to be judged by it.

    One that waited, for a disk, a network, a lock or a processor that others had, used little.

    Args:
        cpu_s: CPU-seconds of the program and all that it started.
        wall_s: Seconds that it ran.
    """
    return cpu_s >= _COMPUTING_SHARE * wall_s


class _Limit(StrEnum):
    """Which limit ended a program."""

    TIME = "time"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stopped:
    """A limit ended a program, and what it used just before."""

    limit: _Limit
    use: child.SessionUse


def _wait(
    process: "subprocess.Popen[bytes]",
    *,
    deadline_s: float,
    memory_bytes: int | None,
    watch: Callable[[], None],
) -> tuple[int | _Stopped, resource.struct_rusage]:
    """Wait for the end, and return its status or the limit that came before it."""
    pause_s = 0.001
    next_look_s = time.monotonic() + _MEMORY_LOOK_S
    next_watch_s = time.monotonic() + _WATCH_S
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage
        now_s = time.monotonic()
        stopped: _Stopped | None = None
        if now_s >= deadline_s:
            stopped = _Stopped(limit=_Limit.TIME, use=child.session_use(process.pid))
        elif memory_bytes is not None and now_s >= next_look_s:
            next_look_s = now_s + _MEMORY_LOOK_S
            use = child.session_use(process.pid)
            if use.resident_bytes > memory_bytes:
                stopped = _Stopped(limit=_Limit.MEMORY, use=use)
        if stopped is not None:
            child.signal_group(process.pid, signal.SIGKILL)
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = -signal.SIGKILL
            return stopped, usage
        if now_s >= next_watch_s:
            next_watch_s = now_s + _WATCH_S
            watch()
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)


def _nothing() -> None:
    """Watch nothing."""


def _fault_of_limit(
    name: str,
    stopped: _Stopped,
    wall_s: float,
    *,
    timeout_s: float,
    memory_bytes: int,
    log: Path,
    tail: str,
) -> DseError:
    """Return the fault of a program at a limit, with what tells whether it is the program's own."""
    use = stopped.use
    evidence = (
        f"it used {use.cpu_s:.0f} s of processor time in {wall_s:.0f} s and had"
        f" {use.resident_bytes >> 20} MiB resident; the machine had load {os.getloadavg()[0]:.1f}"
        f" on {os.cpu_count()} processors and {_available_bytes() >> 20} MiB of memory left"
    )
    detail = f"{evidence}\n{tail}".strip()
    fault: DseError
    match stopped.limit:
        case _Limit.TIME:
            fault = ToolTimeout(
                f"{name} was stopped after {timeout_s:.0f} s, its time limit",
                fix=f"raise limits.stage_timeout_s, or see what it was doing in {log}",
                detail=detail,
            )
            fault.is_own_limit = is_computing(cpu_s=use.cpu_s, wall_s=wall_s)
        case _Limit.MEMORY:
            fault = OutOfMemory(
                f"{name} used more than {memory_bytes >> 20} MiB, its memory limit",
                fix="raise limits.memory_bytes, then `resume` the study",
                detail=detail,
            )
            fault.is_own_limit = True
        case _ as never:
            assert_never(never)
    return fault


def _available_bytes() -> int:
    """Return the memory that programs can still get on this machine."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _fault_of_status(name: str, status: int, *, log: Path, text: str) -> DseError:
    detail = text[-_DETAIL_CHARS:].strip()
    said = machine_fault(detail, f"{name} failed ({_describe(status)})", log.parent)
    if said is not None:
        return said
    if status == -signal.SIGKILL:
        return OutOfMemory(
            f"{name} ran out of memory ({_describe(status)})",
            fix="raise limits.memory_bytes or run fewer workers, then `resume` the study",
            detail=detail,
        )
    error = ToolCrashed(
        f"{name} failed ({_describe(status)})", fix=f"read its log: {log}", detail=detail
    )
    by_itself = 0 < status < _FIRST_SIGNAL_STATUS
    if by_itself and not any(sign in text.lower() for sign in _SIGNAL_SIGNS):
        error.complaint = first_error_line(text)
    return error


def _describe(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def _text(log: Path, offset: int) -> str:
    """Return what this run wrote to ``log``: its beginning and, of a very long one, its end."""
    try:
        with log.open("rb") as source:
            source.seek(offset)
            beginning = source.read(_LOG_BYTES)
            end = source.seek(0, os.SEEK_END)
            source.seek(max(offset + len(beginning), end - _DETAIL_CHARS))
            return (beginning + source.read()).decode(errors="replace")
    except OSError:
        return ""


def _tail(log: Path, offset: int) -> str:
    """Return the end of what this run wrote to ``log``."""
    return _text(log, offset)[-_DETAIL_CHARS:].strip()
