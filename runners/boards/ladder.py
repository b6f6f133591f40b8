"""Bringing a board up, and bringing it back when it goes silent: reopen, reload, power, quarantine.

Every rung is logged with the fault that led to it. A design fault ends the climb: the board works.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from contracts.faults import (
    BoardGarbled,
    BoardMissing,
    BoardSilent,
    DseError,
    FlashFailed,
    ToolCrashed,
    ToolTimeout,
)
from runners.boards import Board
from runners.boards.bench import BoardEntry
from runners.boards.lease import Leases
from runners.boards.loader import load_bitstream, power_cycle
from runners.boards.program import BoardFigures, BoardProgram, Metered, run_program
from runners.boards.serial_boot import BootLimits, boot
from runners.boards.serial_port import open_port

_BOARD_FAULTS = (BoardSilent, BoardGarbled, BoardMissing, FlashFailed, ToolCrashed, ToolTimeout)
_PORT_TIMEOUT_S = 10.0
_LOADED = 0.5
"""Share of the work that is done when the firmware runs."""


@dataclass(kw_only=True)
class BoardLog:
    """What was done to a board: for the trial, and in a file for whoever looks after the board.

    Attributes:
        path: The board's file; lines are added to it.
        holder: The trial.
        tell: Told every rung at once.
        lines: Of this trial.
    """

    path: Path
    holder: str
    tell: Callable[[str], None]
    lines: list[str] = field(default_factory=list)

    def rung(self, text: str) -> None:
        """Note a rung of the ladder, and tell it."""
        self.add(text)
        self.tell(text)

    def add(self, text: str) -> None:
        """Note one thing with its time."""
        line = f"{datetime.now().astimezone().isoformat(timespec='seconds')} {text}"
        self.lines.append(line)
        with self.path.open("a", encoding="utf-8") as sink:
            sink.write(f"{line} ({self.holder})\n")


class _OutOfReach(Exception):
    """Cable or port are not there or not ours: nothing is known of the board itself."""

    def __init__(self, found: BoardMissing) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """How an attempt ended."""

    found: DseError
    is_out_of_reach: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Climber:
    """One trial on one leased board.

    Attributes:
        entry: The board.
        bitstream: What is loaded into it.
        board_arguments: How openFPGALoader knows the board.
        program: What runs on it.
        boot_limits: How long each part of a boot may take.
        log: Where every rung is noted; the tools' own output lies beside it.
        progress: Takes the finished share, 0 to 1.
        listen: Wraps the opened board, for example in a recording.
        metered: A meter in the board's supply; None for none. Its faults end the climb.
        then: Done with the board when the program is measured; done again after a rung.
    """

    entry: BoardEntry
    bitstream: Path
    board_arguments: Sequence[str]
    program: BoardProgram
    boot_limits: BootLimits
    log: BoardLog
    progress: Callable[[float], None]
    listen: Callable[[Board], Board] = lambda board: board
    metered: Metered | None = None
    then: Callable[[Board], None] = lambda _: None

    def run(self, leases: Leases) -> BoardFigures:
        """Measure the program, climbing the ladder as far as it takes.

        Raises:
            WrongResult: The board works, the design does not.
            MeterMissing, MeterGarbled, MeterTooSlow: The board works, its meter does not.
            BoardMissing: Cable or port are not there or not ours: nothing is put away.
            DseError: The last rung's fault; the board is then in quarantine.
        """
        fault = self._attempt(self._from_bitstream)
        if isinstance(fault, BoardFigures):
            return fault
        for name, climb in self._rungs(fault):
            self.log.rung(
                f"board {self.entry.name}: {fault.found.kind}: {fault.found.what} -> {name}"
            )
            outcome = self._attempt(climb)
            if isinstance(outcome, BoardFigures):
                self.log.rung(f"board {self.entry.name}: it is back")
                return outcome
            fault = outcome
        if fault.is_out_of_reach:
            raise fault.found
        raise self._put_away(fault.found, leases)

    def _attempt(self, climb: Callable[[], BoardFigures]) -> "BoardFigures | _Fault":
        try:
            return climb()
        except _OutOfReach as error:
            return _Fault(found=error.found, is_out_of_reach=True)
        except _BOARD_FAULTS as error:
            return _Fault(found=error, is_out_of_reach=False)

    def _rungs(self, fault: "_Fault") -> list[tuple[str, Callable[[], BoardFigures]]]:
        power: list[tuple[str, Callable[[], BoardFigures]]] = []
        if self.entry.power_cycle:
            power.append(("take its power away", self._from_power))
        if fault.is_out_of_reach:
            return power
        return [
            ("reopen its port", self._as_it_is),
            ("load it again", self._from_bitstream),
            *power,
        ]

    def _from_power(self) -> BoardFigures:
        power_cycle(self.entry, log=self._tool_log)
        return self._from_bitstream()

    def _from_bitstream(self) -> BoardFigures:
        try:
            load_bitstream(
                self.entry, self.bitstream, board_arguments=self.board_arguments, log=self._tool_log
            )
        except BoardMissing as error:
            raise _OutOfReach(error) from error
        return self._with_port(self._boot_and_run)

    def _as_it_is(self) -> BoardFigures:
        return self._with_port(self._run)

    def _with_port(self, act: Callable[[Board], BoardFigures]) -> BoardFigures:
        try:
            port = open_port(self.entry.port, baud=self.program.baud, timeout_s=_PORT_TIMEOUT_S)
        except BoardMissing as error:
            raise _OutOfReach(error) from error
        board = self.listen(port)
        try:
            return act(board)
        finally:
            board.close()

    def _boot_and_run(self, board: Board) -> BoardFigures:
        booted = boot(
            board,
            self.program.image,
            address=self.program.address,
            limits=self.boot_limits,
            progress=lambda share: self.progress(_LOADED * share),
        )
        self.log.add(
            f"booted: {booted.frames} frames, {booted.resent} of them again, {booted.wall_s:.1f} s"
        )
        return self._run(board)

    def _run(self, board: Board) -> BoardFigures:
        figures = run_program(
            board,
            self.program,
            progress=lambda share: self.progress(_LOADED + (1 - _LOADED) * share),
            metered=self.metered,
        )
        self.then(board)
        return figures

    @property
    def _tool_log(self) -> Path:
        return self.log.path.with_suffix(".tools.log")

    def _put_away(self, fault: DseError, leases: Leases) -> DseError:
        reason = f"{fault.kind}: {fault.what}"
        path = leases.quarantine(self.entry.name, reason=reason, now_s=time.time())
        self.log.rung(f"board {self.entry.name}: {reason} -> quarantine")
        return type(fault)(
            f"board {self.entry.name} did not come back and is in quarantine: {fault.what}",
            fix=f"{fault.fix}; when it works again: rm {path}",
            detail="\n".join([*self.log.lines, fault.detail]).strip(),
        )
