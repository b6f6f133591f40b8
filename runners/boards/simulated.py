"""The simulated board: our simulator as a process, talked to over its pseudo-terminal."""

import mmap
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from contracts.faults import (
    BoardMissing,
    BoardSilent,
    DseError,
    ToolMissing,
    TooSlow,
)
from runners.boards.board import SEND_TIMEOUT_S
from runners.boards.hardware_fault import hardware_fault
from runners.boards.serial_port import SerialBoard
from runners.tools import child, fault_of_os_error

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 10.0
_CYCLE_LIMIT_STATUS = 3
_PORT_LINE = "serial port: "
_CYCLES_LINE = "cycles: "
_Answer = TypeVar("_Answer")


class SimulatedBoard:
    """A SoC in Verilator, see ``Board``.

    Cycle counts do not depend on this machine's speed: the simulated clock stands still while the
    firmware waits for a byte. Start it from a thread that outlives it: the kernel ends the
    simulator together with that thread.

    Args:
        program: Built by ``runners.stages.simulator.build_simulator``.
        folder: Has the memory contents of ``hw_templates.soc.images.write_memory_images``; the
            simulator runs in it and writes its log there.
        command_cycle_limit: Cycles between two bytes that the firmware asks for; None for no
            limit. Reaching it is the design's fault: ``TooSlow``. So is a CFU that lets the CPU
            wait for longer than the simulator's bound: ``CfuHangs``.
        on_cycles: Told the cycles simulated since power-up, up to 65,536 behind, while an answer is
            awaited: when something has come, and four times a second while nothing does.

    Raises:
        ToolMissing: There is no such program.
        BoardSilent: It did not come up.
        BoardMissing: It ended at once.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        command_cycle_limit: int | None = None,
        on_cycles: Callable[[int], None] | None = None,
    ) -> None:
        self._program = program.absolute()
        self._folder = folder
        self._command_cycle_limit = command_cycle_limit
        self._on_cycles = on_cycles
        self._log = folder / "simulator.log"
        self._cycles: int | None = None
        self._process, self._line = self._start()

    @property
    def cycles(self) -> int | None:
        """Cycles simulated by the run that ended last; None before the first end."""
        return self._cycles

    @property
    def cycles_so_far(self) -> int:
        """Cycles simulated since power-up, up to 65,536 behind."""
        return self._told.read()

    def reset(self) -> None:
        """Start the simulation again from power-up; see ``Board.reset``."""
        self._stop()
        self._process, self._line = self._start()

    def send(self, data: bytes, *, timeout_s: float = SEND_TIMEOUT_S) -> None:
        """Write bytes; see ``Board.send``."""
        self._guard(lambda: self._line.send(data, timeout_s=timeout_s))

    def receive_until(self, end: bytes, *, timeout_s: float) -> bytes:
        """Read up to and including ``end``; see ``Board.receive_until``."""
        return self._guard(lambda: self._line.receive_until(end, timeout_s=timeout_s))

    def receive(self, size: int, *, timeout_s: float) -> bytes:
        """Read so many bytes; see ``Board.receive``."""
        return self._guard(lambda: self._line.receive(size, timeout_s=timeout_s))

    def close(self) -> None:
        """End the simulation; see ``Board.close``."""
        self._stop()

    def _start(self) -> tuple["subprocess.Popen[bytes]", SerialBoard]:
        self._told = _SharedNumber()
        try:
            return self._start_telling()
        except BaseException:
            self._told.close()
            raise

    def _start_telling(self) -> tuple["subprocess.Popen[bytes]", SerialBoard]:
        command = [str(self._program), "--parent", str(os.getpid())]
        command += ["--cycles-fd", str(self._told.fd)]
        if self._command_cycle_limit is not None:
            command += ["--command-cycle-limit", str(self._command_cycle_limit)]
        try:
            with self._log.open("wb") as log:
                process = child.start(
                    command,
                    is_tied=True,
                    cwd=self._folder,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    pass_fds=(self._told.fd,),
                )
        except (FileNotFoundError, PermissionError) as error:
            raise ToolMissing(
                f"the simulator {self._program} cannot be started: {error.strerror}",
                fix="delete this entry of the cache, it is built again",
            ) from error
        except OSError as error:
            raise fault_of_os_error(error, f"the simulator in {self._folder}") from error
        try:
            port = self._read_port(process)
            return process, SerialBoard(port, baud=115200, while_waiting=self._tell_cycles)
        except BaseException:
            child.signal_group(process.pid, signal.SIGKILL)
            self._finish(process)
            raise

    def _read_port(self, process: "subprocess.Popen[bytes]") -> str:
        """Return the path of the pseudo-terminal that the simulator prints first."""
        assert process.stdout is not None
        deadline_s = time.monotonic() + _START_LIMIT_S
        text = b""
        while b"\n" not in text:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise BoardSilent(
                    f"the simulator did not come up within {_START_LIMIT_S:g} s",
                    fix="run fewer workers: the machine is overloaded",
                )
            if not select.select([process.stdout], [], [], left_s)[0]:
                continue
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                raise self._ended(process, process.wait(_STOP_LIMIT_S), printed=text)
            text += piece
        return text.decode().splitlines()[0].removeprefix(_PORT_LINE)

    def _tell_cycles(self) -> None:
        if self._on_cycles is not None:
            self._on_cycles(self.cycles_so_far)

    def _guard(self, exchange: Callable[[], _Answer]) -> _Answer:
        """Do an exchange; when the line is gone, say why the simulator ended."""
        try:
            return exchange()
        except BoardMissing as error:
            try:
                status = self._process.wait(_STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                raise error from None
            raise self._ended(self._process, status) from error

    def _ended(
        self, process: "subprocess.Popen[bytes]", status: int, *, printed: bytes = b""
    ) -> DseError:
        """Return the fault that an end of the simulator with this status stands for.

        Args:
            process: It has ended.
            status: Its exit status.
            printed: What was read of its standard output, where Verilator writes its errors.
        """
        assert process.stdout is not None
        rest = b"" if process.stdout.closed else process.stdout.read()
        output = (printed + rest).decode(errors="replace")
        self._take_cycles(output)
        said = output + self._log.read_text(errors="replace")
        if status == _CYCLE_LIMIT_STATUS:
            return TooSlow(
                f"the firmware did not finish a command within {self._command_cycle_limit} cycles",
                fix="raise limits.cycles, or leave such designs out of the space",
            )
        fault = hardware_fault(said)
        if fault is not None:
            return fault
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        return BoardMissing(
            f"the simulator ended with {how}",
            fix="`resume` the study; if it happens again, build the simulator anew",
            detail=said[-2000:],
        )

    def _stop(self) -> None:
        self._line.close()
        self._told.close()
        if self._process.poll() is None:
            self._process.terminate()
        self._finish(self._process)

    def _finish(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the end and take the count of cycles; kill what does not end."""
        try:
            printed, _ = process.communicate(timeout=_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            child.signal_group(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
        except ValueError:  # communicated before: a second close
            return
        self._take_cycles(printed.decode(errors="replace"))

    def _take_cycles(self, printed: str) -> None:
        for line in printed.splitlines():
            if line.startswith(_CYCLES_LINE):
                self._cycles = int(line.removeprefix(_CYCLES_LINE))


class _SharedNumber:
    """A number that the simulator keeps in memory that both have."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("cycles")
        os.ftruncate(self.fd, 8)
        self._view = memoryview(mmap.mmap(self.fd, 8)).cast("Q")  # read at once, never by halves

    def read(self) -> int:
        """Return the number, 0 before the first is there; not after ``close``."""
        return int(self._view[0])

    def close(self) -> None:
        """Give the memory back; a second call does nothing."""
        if self.fd >= 0:
            self._view.release()
            os.close(self.fd)
            self.fd = -1
