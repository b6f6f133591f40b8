"""A board as a program of ours: boot program and firmware on a pseudo-terminal, with faults.

It speaks both protocols as the real programs do, as far as the host can tell, and is loaded by a
command as a real one is. What the real programs say is tested on the simulated SoC.
"""

import binascii
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from runners.boards.bench import BoardEntry
from runners.boards.program import BoardProgram
from runners.job import Limits, Serial
from tests.boards.load_requests import LoadRequests
from tests.boards.pty_device import PtyDevice

REQUEST = b"sL5DdSMmkekro\n"
ANSWER = b"z6IHG7cYDID6o\n"
INPUT, OUTPUT = bytes(range(40)), bytes([3, 1, 4])
IMAGE = bytes((7 * n + n // 256) & 0xFF for n in range(2000))
ADDRESS = 0x4000_0000
BANNER = b"\n BIOS CRC passed (8b9a677b)\nBooting from serial...\n"
GREETING = b"m-timestamp-mode-performance\r\nm-lap-us-1\r\nm-init-done\r\nm-ready\r\n"


class Fault(StrEnum):
    """What is wrong with a model board."""

    SILENT_BOOT = "its boot program says nothing"
    GARBLED_BOOT = "its boot program answers each frame with rubbish"
    BAD_ROM = "its ROM is damaged"
    BAD_MEMORY = "its memory is damaged"
    NO_GREETING = "its firmware never starts"
    SILENCE = "it stops answering"
    GARBAGE = "each answer's bytes are inverted"
    DROPPED = "each answer lacks a byte"
    DRIP = "it sends one byte a second"
    VANISH = "it goes away in an inference"
    WRONG = "its output is wrong"
    REBOOT_LOOP = "it restarts in each inference"
    NOT_LOADED = "the cable's program fails"
    NO_CABLE = "the cable is not there"


def program() -> BoardProgram:
    """What a model board runs."""
    return BoardProgram(
        image=IMAGE,
        address=ADDRESS,
        clock_hz=1_000_000,
        baud=115200,
        serial=Serial(device_name="model"),
        golden=[{"input": INPUT.hex(), "output": OUTPUT.hex(), "layer_crcs": [0x1234ABCD]}],
        limits=Limits(cycles=500_000, serial_timeout_s=2.0),
        clock_check_s=0.0,
    )


class ModelBoard:
    """One board.

    Args:
        folder: For its port and the command that loads it.
        fault: What is wrong with it.
        healed_by: Loads after which nothing is wrong any more.
        spoilt_frames: Frames of the firmware that arrive with an error, counted from 1.
        speed: Of its clock: 1 is what it says, 0 for no time at all.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fault: Fault | None = None,
        healed_by: int = 10**6,
        spoilt_frames: tuple[int, ...] = (),
        speed: float = 0.0,
    ) -> None:
        self.folder = folder
        self.loads = 0
        self.speed = speed
        self.loaded: dict[int, bytes] = {}
        self.port = folder / "port"
        self._fault = fault
        self._healed_by = healed_by
        self._spoilt = set(spoilt_frames)
        self._cycles = iter(range(10_000_000))
        self._device: PtyDevice | None = None
        self._requests = LoadRequests(folder, self.load)

    @property
    def fault(self) -> Fault | None:
        """What is wrong now."""
        return None if self.loads >= self._healed_by else self._fault

    def entry(self, name: str = "model", **more: object) -> BoardEntry:
        """The board as ``boards.toml`` describes it."""
        return BoardEntry.model_validate(
            {
                "name": name,
                "target": "model",
                "port": str(self.port),
                "load": self._requests.command,
                **more,
            }
        )

    def heal(self) -> None:
        self._healed_by = 0

    def close(self) -> None:
        self._requests.close()
        if self._device is not None:
            self._device.close()

    def load(self) -> str:
        """Start it anew; return what the cable's program says."""
        self.loads += 1
        if self._device is not None:
            self._device.close()
        self._device = PtyDevice(_Conversation(self).receive)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(self._device.path)
        if self.fault is not Fault.SILENT_BOOT:
            # later than the port is opened, as a boot after a load is
            threading.Timer(0.05, self._device.say, [self.boot_text()]).start()
        says = {Fault.NOT_LOADED: "IDCODE mismatch", Fault.NO_CABLE: "device not found"}
        return says.get(self.fault, "") if self.fault else ""

    def boot_text(self) -> bytes:
        if self.fault is Fault.BAD_ROM:
            return BANNER.replace(b"passed", b"failed") + REQUEST
        if self.fault is Fault.BAD_MEMORY:
            return BANNER.replace(b"Booting", b"Memory initialization failed\nBooting") + REQUEST
        return BANNER + REQUEST

    def spoils(self, frame: int) -> bool:
        if frame in self._spoilt:
            self._spoilt.remove(frame)
            return True
        return False

    def inference_us(self) -> int:
        return next(self._cycles)


class _Conversation:
    """What a model board understands between a load and the next one."""

    def __init__(self, board: ModelBoard) -> None:
        self._board = board
        self._pending = b""
        self._state: Callable[[PtyDevice], bool] = self._await_answer
        self._frames = 0
        self._time_us = 0

    def receive(self, line: PtyDevice, data: bytes) -> None:
        self._pending += data
        while self._state(line):
            pass

    def _await_answer(self, line: PtyDevice) -> bool:
        if b"serialboot\n" in self._pending:  # as LiteX's console understands
            self._pending = self._pending.partition(b"serialboot\n")[2]
            if self._board.fault is not Fault.SILENT_BOOT:
                line.say(self._board.boot_text())
            return True
        found = self._pending.find(ANSWER)
        if found < 0:
            return False
        self._pending = self._pending[found + len(ANSWER) :]
        self._state = self._await_frame
        return True

    def _await_frame(self, line: PtyDevice) -> bool:
        if len(self._pending) < 4 or len(self._pending) < 4 + self._pending[0]:
            return False
        size = 4 + self._pending[0]
        frame, self._pending = self._pending[:size], self._pending[size:]
        self._frames += 1
        if self._board.fault is Fault.GARBLED_BOOT:
            line.say(b"\x95")
        elif self._board.spoils(self._frames) or not _is_whole(frame):
            line.say(b"C")
        else:
            self._obey(line, frame[3], frame[4:])
        return True

    def _obey(self, line: PtyDevice, command: int, content: bytes) -> None:
        address = int.from_bytes(content[:4], "big")
        if command == 1:
            self._board.loaded[address] = content[4:]
            line.say(b"K")
        elif command == 2:
            image = b"".join(self._board.loaded[at] for at in sorted(self._board.loaded))
            assert (address, image) == (ADDRESS, IMAGE), "the firmware came as it was sent"
            line.say(b"K\r\n--============= Liftoff! ===============--\n")
            self._state = self._await_command
            if self._board.fault is not Fault.NO_GREETING:
                line.say(GREETING)
        else:
            line.say(b"U")

    def _await_command(self, line: PtyDevice) -> bool:
        if b"%" not in self._pending:
            return False
        text, self._pending = self._pending.split(b"%", 1)
        answer = self._answer(text.decode("ascii", errors="replace"))
        match self._board.fault:
            case Fault.SILENCE | Fault.NO_GREETING:
                pass
            case Fault.GARBAGE:
                line.say(bytes(byte ^ 0xFF for byte in answer))
            case Fault.DROPPED:
                line.say(answer[: len(answer) // 2] + answer[len(answer) // 2 + 1 :])
            case Fault.DRIP:
                line.drip(answer, 1.0)
            case Fault.VANISH if text.startswith(b"infer"):
                line.vanish()
            case Fault.REBOOT_LOOP if text.startswith(b"infer"):
                for _ in range(20):
                    line.say(self._board.boot_text())
                    time.sleep(0.02)
            case _ if text.startswith(b"infer") and self._board.speed:
                # the first timestamp comes before the inferences, the second behind them
                begin = answer.index(b"m-lap-us")
                end = answer.index(b"m-lap-us", begin + 1)
                line.say(answer[:end])
                time.sleep(int(text.split()[1]) / 1000 / self._board.speed)
                line.say(answer[end:])
            case _:
                line.say(answer)
        return True

    def _answer(self, text: str) -> bytes:
        output = OUTPUT if self._board.fault is not Fault.WRONG else OUTPUT[::-1]
        match text.split():
            case []:
                lines = []
            case ["name"]:
                lines = ["m-name-dut-[model]"]
            case ["db", "load", size]:
                lines = [f"m-[Expecting {size} bytes]"]
            case ["db", _]:
                lines = ["m-load-done"]
            case ["infer", count, warmups]:
                begin_us, self._time_us = self._time_us, self._time_us + 1000 * int(count)
                lines = [
                    *(f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{count}"),
                    *(f"m-lap-us-{begin_us}", f"m-lap-us-{self._time_us}", "m-infer-done"),
                    "m-results-[3,1,4]",
                ]
            case ["cycles"]:
                lines = [f"m-cycles-{1000 + self._board.inference_us() % 3}"]
            case ["layers"]:
                lines = ["m-layer-[0,conv2d_0,CONV_2D,1x3,99,1000,40,3,0]"]
            case ["output"]:
                lines = [f"m-output-[{output.hex()}]"]
            case ["check"]:
                crc = 0x1234ABCD if self._board.fault is not Fault.WRONG else 0x1234ABCE
                lines = ["m-check-done", f"m-crc-[0,{crc:08x}]"]
            case _:
                lines = [f"e-[Unknown command: {text}]"]
        return "".join(f"{line}\r\n" for line in [*lines, "m-ready"]).encode()


def _is_whole(frame: bytes) -> bool:
    return binascii.crc_hqx(frame[3:], 0) == int.from_bytes(frame[1:3], "big")


@contextlib.contextmanager
def model_board(folder: Path, **settings: object) -> Iterator[ModelBoard]:
    board = ModelBoard(folder, **settings)  # type: ignore[arg-type]
    try:
        yield board
    finally:
        board.close()
