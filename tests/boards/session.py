"""A recorded session of the simulated board, and the talk that it is a recording of."""

import json
from pathlib import Path

from runners.boards import Board
from runners.boards.program import BoardFigures, BoardProgram, run_program
from runners.boards.serial_boot import BootLimits, boot
from runners.job import Limits, Serial

ASSETS = Path(__file__).parent / "assets"
SESSION = ASSETS / "session.jsonl"
GOLDEN = ASSETS / "session_golden.json"
_LIMITS = BootLimits(request_s=60.0, ask_again_s=60.0, frame_s=60.0, greeting_s=60.0)


def talk(board: Board, program: BoardProgram) -> BoardFigures:
    """Boot a board and measure its program: what was recorded, and what is played back."""
    boot(board, program.image, address=program.address, limits=_LIMITS, progress=lambda _: None)
    return run_program(board, program, progress=lambda _: None)


def program_of_session(folder: Path = ASSETS) -> BoardProgram:
    """What ran in a recorded session: the firmware is in its frames."""
    frames = [
        call["data"].encode("latin-1")
        for call in map(json.loads, (folder / SESSION.name).read_text().splitlines())
        if call["call"] == "send" and call["data"][3:4] == "\x01"
    ]
    return BoardProgram(
        image=b"".join(frame[8:] for frame in frames),
        address=int.from_bytes(frames[0][4:8], "big"),
        clock_hz=50_000_000,
        baud=115200,
        serial=Serial(),
        golden=[json.loads((folder / GOLDEN.name).read_text())],
        limits=Limits(cycles=10_000_000, serial_timeout_s=60.0),
        clock_check_s=0.0,
    )
