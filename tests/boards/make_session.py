"""``python -m tests.boards.make_session FOLDER``: record a session of the simulated board anew."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from runners.boards import RecordingBoard
from tests.boards.boot_bench import bios, booting_board, smallest_program
from tests.boards.session import GOLDEN, SESSION, talk


def record(out: Path) -> None:
    program = smallest_program()
    with TemporaryDirectory() as folder:
        board = RecordingBoard(booting_board(bios(), Path(folder)), out / SESSION.name)
        talk(board, program)
        board.close()
    (out / GOLDEN.name).write_text(json.dumps(program.golden[0], indent=1) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
