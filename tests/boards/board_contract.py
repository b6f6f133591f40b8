"""What every board promises. A test class inherits it and brings a fixture ``board``.

The board runs something that answers ``h`` with ``hello\\r\\n`` and ``e`` with an echo of the 256
bytes that follow, as the firmware in ``tests/soc/firmware`` does.
"""

import pytest

from contracts.faults import BoardSilent
from runners.boards import Board

SLOW_S = 60.0


class BoardContract:
    def test_an_answer_ends_with_what_was_awaited(self, board: Board) -> None:
        board.send(b"h")
        assert board.receive_until(b"hello\r\n", timeout_s=SLOW_S).endswith(b"hello\r\n")

    def test_what_came_later_is_kept(self, board: Board) -> None:
        board.send(b"hhh")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        assert board.receive_until(b"o\r", timeout_s=SLOW_S) == b"hello\r"
        assert board.receive_until(b"\n", timeout_s=SLOW_S) == b"\n"
        assert board.receive_until(b"\n", timeout_s=SLOW_S) == b"hello\r\n"

    def test_every_byte_goes_and_comes_unchanged(self, board: Board) -> None:
        every = bytes(range(256))
        board.send(b"h")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        board.send(b"e" + every)
        assert board.receive_until(b"\xfe\xff", timeout_s=SLOW_S) == every

    def test_so_many_bytes_are_given_and_the_rest_stays(self, board: Board) -> None:
        board.send(b"h")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        board.send(b"h")
        assert board.receive(2, timeout_s=SLOW_S) == b"he"
        assert board.receive(5, timeout_s=SLOW_S) == b"llo\r\n"
        with pytest.raises(BoardSilent, match=r"1 bytes(.|\n)*fix:"):
            board.receive(1, timeout_s=0.1)

    def test_silence_is_an_error_and_not_a_hang(self, board: Board) -> None:
        board.send(b"h")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        with pytest.raises(BoardSilent, match="fix:"):
            board.receive_until(b"never", timeout_s=0.1)

    def test_silence_ends_nothing(self, board: Board) -> None:
        board.send(b"h")
        with pytest.raises(BoardSilent):
            board.receive_until(b"never", timeout_s=0.3)
        board.send(b"h")
        assert board.receive_until(b"o\r\nhello\r\n", timeout_s=SLOW_S)

    def test_a_reset_forgets_what_was_not_read(self, board: Board) -> None:
        board.send(b"hhhh")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        board.reset()
        board.send(b"h")
        answer = board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        assert answer.count(b"hello") == 1

    def test_a_second_close_does_nothing(self, board: Board) -> None:
        board.send(b"h")
        board.receive_until(b"hello\r\n", timeout_s=SLOW_S)
        board.close()
        board.close()
