"""A board that misbehaves on purpose: what the code above a board must survive."""

import re
from collections.abc import Callable
from enum import StrEnum

from contracts.faults import BoardGarbled, BoardMissing, BoardSilent
from runners.boards.board import SEND_TIMEOUT_S, Board

_NO_FIX = "none: it is a test"
_OUTPUT = re.compile(rb"(m-output-\[[0-9a-f]*)([0-9a-f])(?=\])")


class LineFault(StrEnum):
    """What goes wrong on the line."""

    SILENCE = "silence"
    """The board stops answering."""
    GARBAGE = "garbage"
    """Each answer's bytes are inverted but for its end."""
    DROPPED = "dropped"
    """Each answer lacks one byte in its middle."""
    DOUBLED = "doubled"
    """Each answer comes twice in a row."""
    DRIP = "drip"
    """Each answer comes at one byte a second, so a long one misses its deadline."""
    WRONG = "wrong"
    """The output tensor of each inference has a wrong last byte."""
    VANISH = "vanish"
    """The board goes away."""
    REBOOT_LOOP = "reboot-loop"
    """The board restarts instead of answering: its boot program asks for a firmware."""


class FaultyBoard:
    """Any board with a fault; see ``Board``.

    Args:
        board: The board; closed together with this one.
        fault: What goes wrong; None for nothing.
        after: Answers that still come right; nothing else is counted.
    """

    def __init__(self, board: Board, fault: LineFault | None, *, after: int = 0) -> None:
        self._board = board
        self._fault = fault
        self._left = after

    def reset(self) -> None:
        """See ``Board.reset``."""
        self._board.reset()

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """See ``Board.send``."""
        if self._fault is LineFault.VANISH and self._left <= 0:
            raise _vanished()
        self._board.send(data, timeout_s=timeout_s)

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """See ``Board.receive_until``."""
        return self._receive(
            lambda: self._board.receive_until(end, timeout_s=timeout_s), end, timeout_s
        )

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """See ``Board.receive``."""
        answer = self._receive(
            lambda: self._board.receive(size, timeout_s=timeout_s), b"", timeout_s
        )
        if len(answer) != size:
            raise BoardSilent(
                f"the board sent {len(answer)} of {size} bytes (injected)", fix=_NO_FIX
            )
        return answer

    def close(self) -> None:
        """See ``Board.close``."""
        self._board.close()

    def _receive(self, ask: Callable[[], bytes], end: bytes, timeout_s: float) -> bytes:
        if self._fault is None or self._left > 0:
            self._left -= 1
            return ask()
        if self._fault is LineFault.SILENCE:
            raise BoardSilent(f"the board said nothing for {timeout_s:g} s (injected)", fix=_NO_FIX)
        if self._fault is LineFault.VANISH:
            raise _vanished()
        if self._fault is LineFault.REBOOT_LOOP:
            raise BoardGarbled("the board restarted (injected)", fix=_NO_FIX)
        answer = ask()
        if self._fault is LineFault.DRIP:
            if len(answer) > timeout_s:
                raise BoardSilent(
                    f"the board did not finish within {timeout_s:g} s (injected)", fix=_NO_FIX
                )
            return answer
        return self._spoil(answer, end)

    def _spoil(self, answer: bytes, end: bytes) -> bytes:
        if self._fault is LineFault.WRONG:
            return _OUTPUT.sub(_another_digit, answer)
        content = answer[: len(answer) - len(end)]
        if self._fault is LineFault.GARBAGE:
            return bytes(byte ^ 0xFF for byte in content) + end
        if self._fault is LineFault.DROPPED:
            middle = len(content) // 2
            return content[:middle] + content[middle + 1 :] + end
        return content + end + answer


def _another_digit(found: re.Match[bytes]) -> bytes:
    return found[1] + (b"1" if found[2] == b"0" else b"0")


def _vanished() -> BoardMissing:
    return BoardMissing("the board went away (injected)", fix=_NO_FIX)
