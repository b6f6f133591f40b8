"""The closed list of what can go wrong, and what a study does next for each kind.

A fault has one class, one consequence (``then``) and one exit code. Design faults are results:
they are told to the search algorithm and never retried. Infrastructure faults are retried with
back-off and never told to the search algorithm. Configuration faults stop the command before
anything is started.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Then(StrEnum):
    """What a study does after a fault."""

    INFEASIBLE = "infeasible"
    """The design is at fault: store it as a result."""
    RETRY = "retry"
    """The infrastructure is at fault: try the same design again, later give up until ``resume``."""
    STOP = "stop"
    """The request is at fault: ask a person."""


class FaultKind(StrEnum):
    """The names under which faults are stored and shown."""

    INVALID_DESIGN = "invalid-design"
    DOES_NOT_BUILD = "does-not-build"
    TOO_SLOW_TO_BUILD = "too-slow-to-build"
    TOO_LARGE_TO_BUILD = "too-large-to-build"
    DOES_NOT_FIT = "does-not-fit"
    TIMING_MISSED = "timing-missed"
    WRONG_RESULT = "wrong-result"
    TOO_SLOW = "too-slow"
    CFU_HANGS = "cfu-hangs"

    TOOL_CRASHED = "tool-crashed"
    TOOL_TIMEOUT = "tool-timeout"
    OUT_OF_MEMORY = "out-of-memory"
    DISK_FULL = "disk-full"
    FLASH_FAILED = "flash-failed"
    BOARD_MISSING = "board-missing"
    BOARD_SILENT = "board-silent"
    BOARD_GARBLED = "board-garbled"
    METER_MISSING = "meter-missing"
    METER_GARBLED = "meter-garbled"
    METER_TOO_SLOW = "meter-too-slow"
    WORKER_LOST = "worker-lost"
    CANCELLED = "cancelled"
    BUG = "bug"

    CONFIG = "config"
    NOT_FOUND = "not-found"
    TOOL_MISSING = "tool-missing"
    STORE = "store"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong, as plain data: it can be sent, stored and compared.

    Attributes:
        kind: Of the closed list.
        what: One sentence: what is wrong and where.
        fix: What the reader can do about it.
        detail: Longer evidence, such as the last lines of a tool's log; may be empty.
        stage: Stage of the trial that met it, or None outside of stages.
        is_own_limit: An outside program reached a limit of the config by what it did itself: it
            had the processor, or its own memory was too large. The design is suspected then.
    """

    kind: FaultKind
    what: str
    fix: str
    detail: str = ""
    stage: str | None = None
    is_own_limit: bool = False

    @property
    def then(self) -> Then:
        """What a study does after it."""
        return fault_classes()[self.kind].then

    def error(self) -> "DseError":
        """Return the exception of this fault, to be raised."""
        error = fault_classes()[self.kind](self.what, self.fix, self.detail)
        error.stage, error.is_own_limit = self.stage, self.is_own_limit
        return error


class DseError(Exception):
    """Root of the closed list. A subclass fixes its kind and what the study does next.

    Args:
        what: One sentence: what is wrong and where.
        fix: What the reader can do about it.
        detail: Longer evidence, such as the last lines of a tool's log; may be empty.

    Attributes:
        stage: See ``Fault``; the walk over the stages sets it.
        is_own_limit: See ``Fault``; whoever runs the program sets it.
    """

    kind: ClassVar[FaultKind]
    then: ClassVar[Then]
    stage: str | None = None
    is_own_limit: bool = False

    def __init__(self, what: str, fix: str, detail: str = "") -> None:
        super().__init__(what, fix, detail)  # all in args, so it survives a process boundary

    @property
    def what(self) -> str:
        """What is wrong and where."""
        return str(self.args[0])

    @property
    def fix(self) -> str:
        """What the reader can do about it."""
        return str(self.args[1])

    @property
    def detail(self) -> str:
        """Longer evidence, or an empty string."""
        return str(self.args[2])

    @property
    def fault(self) -> Fault:
        """The same as plain data."""
        return Fault(
            kind=self.kind,
            what=self.what,
            fix=self.fix,
            detail=self.detail,
            stage=self.stage,
            is_own_limit=self.is_own_limit,
        )

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}"


class DesignFault(DseError):
    """The design itself is at fault."""

    then = Then.INFEASIBLE


class InvalidDesign(DesignFault):
    """The hardware generators refuse the combination of parameters."""

    kind = FaultKind.INVALID_DESIGN


class DoesNotBuild(DesignFault):
    """A source that the design brings itself is refused by the tool that builds from it.

    Hardware or kernels of a CFU family of the study's own, or an operator of its own. ``what`` has
    the tool's first error line.
    """

    kind = FaultKind.DOES_NOT_BUILD


class TooSlowToBuild(DesignFault):
    """A stage reached its time limit twice although its program had the processor."""

    kind = FaultKind.TOO_SLOW_TO_BUILD


class TooLargeToBuild(DesignFault):
    """A program of a stage grew beyond its memory limit twice."""

    kind = FaultKind.TOO_LARGE_TO_BUILD


class DoesNotFit(DesignFault):
    """The design needs more of a resource than the part has."""

    kind = FaultKind.DOES_NOT_FIT


class TimingMissed(DesignFault):
    """The routed design does not reach its clock."""

    kind = FaultKind.TIMING_MISSED


class WrongResult(DesignFault):
    """An inference differs from the reference kernels; the message names the first layer."""

    kind = FaultKind.WRONG_RESULT


class TooSlow(DesignFault):
    """The inference did not end within the study's cycle limit."""

    kind = FaultKind.TOO_SLOW


class CfuHangs(DesignFault):
    """The CFU did not take a command, or did not answer one, within the simulator's bound."""

    kind = FaultKind.CFU_HANGS


class InfrastructureFault(DseError):
    """Something around the design failed; the same design may work on another attempt."""

    then = Then.RETRY


class ToolCrashed(InfrastructureFault):
    """An outside program ended with an error that is not the design's.

    Attributes:
        complaint: First error line of a program that came to its end by itself and did not like
            what it was given; None where a signal ended it, or where this is about anything else.
            Whoever gave it sources of the design takes the complaint for ``DoesNotBuild``.
    """

    kind = FaultKind.TOOL_CRASHED
    complaint: str | None = None


class ToolTimeout(InfrastructureFault):
    """An outside program did not end within its time limit."""

    kind = FaultKind.TOOL_TIMEOUT


class OutOfMemory(InfrastructureFault):
    """An outside program ran into its memory limit or was killed for memory."""

    kind = FaultKind.OUT_OF_MEMORY


class DiskFull(InfrastructureFault):
    """A file could not be written because the disk or quota is full."""

    kind = FaultKind.DISK_FULL


class FlashFailed(InfrastructureFault):
    """A bitstream or firmware could not be loaded."""

    kind = FaultKind.FLASH_FAILED


class BoardMissing(InfrastructureFault):
    """The board or its serial port is not there, or went away."""

    kind = FaultKind.BOARD_MISSING


class BoardSilent(InfrastructureFault):
    """The board did not answer within its deadline."""

    kind = FaultKind.BOARD_SILENT


class BoardGarbled(InfrastructureFault):
    """The board answered something that is not in the protocol."""

    kind = FaultKind.BOARD_GARBLED


class MeterMissing(InfrastructureFault):
    """The meter of a board's power is not there, went away, or stopped."""

    kind = FaultKind.METER_MISSING


class MeterGarbled(InfrastructureFault):
    """The meter says what no such meter says, or a power that cannot be."""

    kind = FaultKind.METER_GARBLED


class MeterTooSlow(InfrastructureFault):
    """The meter has too few readings, even of the longest row of inferences."""

    kind = FaultKind.METER_TOO_SLOW


class WorkerLost(InfrastructureFault):
    """The process that ran the trial went away."""

    kind = FaultKind.WORKER_LOST


class Cancelled(InfrastructureFault):
    """A person interrupted the trial."""

    kind = FaultKind.CANCELLED


class Bug(InfrastructureFault):
    """An unexpected exception: a fault of this software; ``detail`` is the traceback."""

    kind = FaultKind.BUG


class ConfigError(DseError):
    """A config, target, model file or argument is wrong; found before the first trial."""

    kind = FaultKind.CONFIG
    then = Then.STOP


class ConfigMistakes(ConfigError):
    """Several things are wrong in one file, each with its own remedy.

    Args:
        what: The file and how many mistakes it has, then each of them on a line.
        fix: The remedies, in the same order.
        detail: Empty.

    Attributes:
        mistakes: What is wrong and what to do, one by one; empty when this was sent as plain data.
    """

    mistakes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, file: str, mistakes: Sequence[tuple[str, str]]) -> "ConfigMistakes":
        """Return the error of several mistakes in a file.

        Args:
            file: Its name.
            mistakes: What is wrong, without the file's name, and what to do; at least two.
        """
        numbered = list(enumerate(mistakes, start=1))
        whats = "".join(f"\n  {number}. {what}" for number, (what, _) in numbered)
        fixes = "".join(f"\n  {number}. {fix}" for number, (_, fix) in numbered)
        error = cls(f"{file} has {len(mistakes)} mistakes:{whats}", fixes)
        error.mistakes = tuple(mistakes)
        return error

    def __str__(self) -> str:
        if not self.mistakes:
            return super().__str__()
        head, _, _ = self.what.partition(":\n")
        lines = [f"  {what}\n    fix: {fix}" for what, fix in self.mistakes]
        return "\n".join([f"{head}:", *lines])


class NotFound(ConfigError):
    """There is no study or trial of the name or number that was asked for."""

    kind = FaultKind.NOT_FOUND


class ToolMissing(DseError):
    """An outside program is not installed or has the wrong version."""

    kind = FaultKind.TOOL_MISSING
    then = Then.STOP


class StoreError(DseError):
    """The database cannot be used: not a database, newer schema, read-only, locked, full."""

    kind = FaultKind.STORE
    then = Then.STOP


class Unreadable(StoreError):
    """What a database keeps of one study is not what this program writes; others can be read."""


class Untrusted(DseError):
    """A database names CFU families, operators or metrics that this user has not agreed to run."""

    kind = FaultKind.UNTRUSTED
    then = Then.STOP


def fault_classes() -> dict[FaultKind, type[DseError]]:
    """Return the class of each kind; every kind has exactly one."""
    found: dict[FaultKind, type[DseError]] = {}
    waiting: list[type[DseError]] = [DseError]
    while waiting:
        for subclass in waiting.pop().__subclasses__():
            waiting.append(subclass)
            if "kind" in vars(subclass):
                found[subclass.kind] = subclass
    return found
