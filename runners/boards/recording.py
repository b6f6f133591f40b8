"""Recording the talk with a board, and playing it back without one.

A recording is JSON lines that a person can read: one line a call, bytes as text (Latin-1).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.faults import BoardGarbled, BoardMissing, DseError, FaultKind, fault_classes
from contracts.untrusted import parse_json
from runners.boards.board import SEND_TIMEOUT_S, Board

_CALLS = ("reset", "send", "receive_until", "receive")
_FIX = "record again with the code and the firmware that replay uses"


class RecordingBoard:
    """Any board, with all that is said written down; see ``Board``.

    Args:
        board: The board; closed together with this one.
        path: The recording. It is ``path.new`` until ``close``, so a file named ``path`` is
            complete.
    """

    def __init__(self, board: Board, path: Path) -> None:
        self._board = board
        self._path = path
        self._unfinished = path.with_name(path.name + ".new")
        self._sink = self._unfinished.open("w", encoding="utf-8")

    def reset(self) -> None:
        """See ``Board.reset``."""
        self._record({"call": "reset"}, self._board.reset)

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """See ``Board.send``."""
        self._record(
            {"call": "send", "data": _text(data)},
            lambda: self._board.send(data, timeout_s=timeout_s),
        )

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """See ``Board.receive_until``."""
        call: dict[str, Any] = {"call": "receive_until", "end": _text(end)}

        def receive() -> None:
            call["answer"] = _text(self._board.receive_until(end, timeout_s=timeout_s))

        self._record(call, receive)
        return _bytes(call["answer"])

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """See ``Board.receive``."""
        call: dict[str, Any] = {"call": "receive", "size": size}

        def receive() -> None:
            call["answer"] = _text(self._board.receive(size, timeout_s=timeout_s))

        self._record(call, receive)
        return _bytes(call["answer"])

    def close(self) -> None:
        """Close the board and complete the recording; see ``Board.close``."""
        self._board.close()
        if not self._sink.closed:
            self._sink.close()
            self._unfinished.rename(self._path)

    def _record(self, call: dict[str, Any], action: Callable[[], None]) -> None:
        try:
            action()
        except DseError as error:
            call["fault"] = [error.kind, *error.args]
            raise
        finally:
            self._sink.write(json.dumps(call) + "\n")


class ReplayBoard:
    """A recording played back; see ``Board``.

    Args:
        path: What ``RecordingBoard`` wrote.

    Raises:
        BoardMissing: There is no such recording.
        BoardGarbled: The file is not a recording.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._closed = False
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise BoardMissing(
                f"the recording {path} cannot be read: {error.strerror}",
                fix="record first, or correct the path",
            ) from error
        self._calls = [self._parse(number, line) for number, line in enumerate(lines, 1)]

    def reset(self) -> None:
        """See ``Board.reset``."""
        self._play({"call": "reset"})

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """See ``Board.send``."""
        del timeout_s
        self._play({"call": "send", "data": _text(data)})

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """See ``Board.receive_until``."""
        del timeout_s
        return _bytes(self._play({"call": "receive_until", "end": _text(end)})["answer"])

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """See ``Board.receive``."""
        del timeout_s
        return _bytes(self._play({"call": "receive", "size": size})["answer"])

    def close(self) -> None:
        """Refuse to end before the recording does; see ``Board.close``.

        Raises:
            BoardGarbled: The recording was not used up.
        """
        left = len(self._calls) - self._position
        if left and not self._closed:
            self._closed = True
            raise BoardGarbled(
                f"{self._path}: {left} of {len(self._calls)} calls were not made, the next is "
                f"{self._calls[self._position]}",
                fix=_FIX,
            )
        self._closed = True

    def _play(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if self._closed:
            raise BoardMissing("the replayed board is closed", fix="make another one")
        if self._position == len(self._calls):
            raise BoardMissing(
                f"{self._path} ends after {self._position} calls, then came {wanted}", fix=_FIX
            )
        call = self._calls[self._position]
        if any(call.get(name) != value for name, value in wanted.items()):
            raise BoardGarbled(
                f"{self._path} line {self._position + 1}: the call is {wanted}, recorded is {call}",
                fix=_FIX,
            )
        self._position += 1
        if "fault" in call:
            kind, *arguments = call["fault"]
            raise fault_classes()[FaultKind(kind)](*arguments)
        return call

    def _parse(self, number: int, line: str) -> dict[str, Any]:
        try:
            call = parse_json(line)
            known = isinstance(call, dict) and call["call"] in _CALLS
        except (ValueError, KeyError):
            known = False
            call = {}
        if not known:
            raise BoardGarbled(
                f"{self._path} line {number} is not a recorded call: {line[:60]!r}", fix=_FIX
            )
        return dict(call)


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
