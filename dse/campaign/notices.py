"""When a person is told about a running study: decisions alone, nothing is sent here."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from contracts.faults import FaultKind
from contracts.measurement import Failed
from dse.campaign.events import (
    Asking,
    AttemptEnded,
    CampaignEvent,
    Note,
    Promoted,
    StageChanged,
    TrialReused,
    TrialStarted,
)
from dse.config import Notify
from dse.words import bytes_text, duration_text, plural


class NoticeKind(StrEnum):
    """What a person may be told; the names are those of ``notify.on`` in a config."""

    FINISHED = "finished"
    """Every trial that was asked for has ended."""
    STOPPED = "stopped"
    """A fault ended the process before that."""
    STUCK = "stuck"
    """Nothing has happened for a long time."""
    FAILING = "failing"
    """Some attempts in a row failed by infrastructure."""
    DISK_LOW = "disk-low"
    """There is little space left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a person is told once, however many processes notice it.

    Attributes:
        kind: What it is.
        text: One sentence or two.
        key: Equal for what is the same thing.
        quiet_s: For so long nothing else of its kind is told.
    """

    kind: NoticeKind
    text: str
    key: str
    quiet_s: float = 0.0


_QUIET_S = 3600.0


@dataclass(slots=True, kw_only=True)
class Lookout:
    """Follows the events of a campaign and says what is worth telling.

    Args:
        study: Name of the study.
        settings: What is to be told, and from when on.
        now_s: When it began to look, seconds since 1970.
    """

    study: str
    settings: Notify
    now_s: float
    _moved_s: float = field(init=False)
    _stages: dict[int, str] = field(default_factory=dict, init=False)
    _in_a_row: int = field(default=0, init=False)
    _last_fault: str = field(default="", init=False)
    _is_stuck_told: bool = field(default=False, init=False)
    _is_failing_told: bool = field(default=False, init=False)
    _is_low_told: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._moved_s = self.now_s

    def take(self, event: CampaignEvent, *, now_s: float) -> None:
        """Take one event of the campaign."""
        match event:
            case Note():
                return
            case TrialStarted():
                self._stages[event.trial.number] = "starting"
            case StageChanged():
                self._stages[event.number] = event.event.stage
            case AttemptEnded():
                self._stages.pop(event.trial.number, None)
                self._take_end(event)
            case TrialReused() | Promoted() | Asking():
                pass
            case _ as never:
                assert_never(never)
        self._moved_s, self._is_stuck_told = now_s, False

    def _take_end(self, event: AttemptEnded) -> None:
        if not isinstance(event.outcome, Failed):
            self._in_a_row, self._is_failing_told = 0, False
        elif event.outcome.fault.kind is not FaultKind.CANCELLED:
            self._in_a_row += 1
            self._last_fault = f"{event.outcome.fault.kind}: {event.outcome.fault.what}"

    def due(self, *, now_s: float, free_bytes: dict[str, int]) -> list[Notice]:
        """Return what is to be told now, each once.

        Args:
            now_s: The time.
            free_bytes: Free space by folder.
        """
        found = []
        silent_s = now_s - self._moved_s
        if silent_s > self.settings.stuck_after_s and not self._is_stuck_told:
            self._is_stuck_told = True
            stages = ", ".join(f"trial {n} in {stage}" for n, stage in self._stages.items())
            found.append(
                Notice(
                    kind=NoticeKind.STUCK,
                    text=f"study {self.study} has not moved for {duration_text(silent_s)}:"
                    f" {stages or 'no trial runs here'}",
                    key=f"{self._moved_s:.0f}",
                    quiet_s=_QUIET_S,
                )
            )
        if self._in_a_row >= self.settings.failing_in_a_row and not self._is_failing_told:
            self._is_failing_told = True
            found.append(
                Notice(
                    kind=NoticeKind.FAILING,
                    text=f"study {self.study}: {plural(self._in_a_row, 'attempt')} in a row failed,"
                    f" the last one by {self._last_fault}",
                    key=f"{now_s:.0f}",
                    quiet_s=_QUIET_S,
                )
            )
        found += self._low(free_bytes, now_s)
        return [notice for notice in found if notice.kind.value in self.settings.on]

    def _low(self, free_bytes: dict[str, int], now_s: float) -> list[Notice]:
        limit = self.settings.disk_low_bytes
        low = {folder: free for folder, free in free_bytes.items() if free < limit}
        if not low:
            self._is_low_told = False
        if not low or self._is_low_told:
            return []
        self._is_low_told = True
        folder, free = min(low.items(), key=lambda item: item[1])
        return [
            Notice(
                kind=NoticeKind.DISK_LOW,
                text=f"study {self.study}: only {bytes_text(free)} are free in {folder}",
                key=f"{now_s:.0f}",
                quiet_s=_QUIET_S,
            )
        ]
