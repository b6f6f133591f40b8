"""Boards: what runs a firmware and talks over a serial line. See ``board`` for the promises."""

from runners.boards.board import Board
from runners.boards.faulty import FaultyBoard, LineFault
from runners.boards.recording import RecordingBoard, ReplayBoard
from runners.boards.serial_port import SerialBoard
from runners.boards.simulated import SimulatedBoard

__all__ = [
    "Board",
    "FaultyBoard",
    "LineFault",
    "RecordingBoard",
    "ReplayBoard",
    "SerialBoard",
    "SimulatedBoard",
]
