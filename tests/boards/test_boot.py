"""The simulated SoC boots as a board does: its ROM's program, the serial boot, the firmware."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import DseError, FaultKind, FlashFailed, WrongResult
from hw_templates.soc.config import SocConfig
from runners.boards import (
    Board,
    FaultyBoard,
    LineFault,
    RecordingBoard,
    ReplayBoard,
    SimulatedBoard,
)
from runners.boards.bench import BoardEntry
from runners.boards.board import BOOT_REQUEST
from runners.boards.ladder import BoardLog, Climber
from runners.boards.lease import Leases
from runners.boards.program import run_program
from runners.boards.serial_boot import BootLimits, Command, boot, frame
from tests.boards.boot_bench import (
    BOOTING,
    WITH_SDRAM,
    BoardOnACable,
    bios,
    booting_board,
    booting_folder,
    lean_boot,
    simulator,
    small_program,
    smallest_program,
)
from tests.boards.make_session import record
from tests.boards.paced_simulator import paced_simulator, slowest_core
from tests.boards.session import SESSION, program_of_session, talk
from tests.soc.soc_bench import generate

LIMITS = BootLimits(request_s=60.0, ask_again_s=60.0, frame_s=60.0, greeting_s=60.0)
BOOT_PROGRAMS = [pytest.param(bios, id="litex-bios"), pytest.param(lean_boot, id="ours")]


def ignore(_: object) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("boot_program", BOOT_PROGRAMS)
def test_a_simulated_board_boots_answers_its_name_and_infers_bit_exactly(
    boot_program: Callable[[], bytes], tmp_path: Path
) -> None:
    program = small_program()
    board = booting_board(boot_program(), tmp_path)
    with closing(board):
        booted = boot(board, program.image, address=program.address, limits=LIMITS, progress=ignore)
        figures = run_program(board, program, progress=ignore)  # compares name and output
        with pytest.raises(WrongResult, match="no layer differs when it is run again"):
            run_program(FaultyBoard(board, LineFault.WRONG), program, progress=ignore)
    assert (booted.frames, booted.resent) == (1 + -(-(len(program.image) - 4) // 251), 0)
    assert figures.cycles.count == 3
    assert figures.cycles.half_width < 0.01 * figures.cycles.mean
    assert len(figures.layers) == 7


@pytest.mark.slow
@pytest.mark.parametrize("boot_program", BOOT_PROGRAMS)
def test_a_board_with_an_sdram_starts_it_before_it_loads_there(
    boot_program: Callable[[SocConfig], bytes], tmp_path: Path
) -> None:
    program = smallest_program()
    board = booting_board(boot_program(WITH_SDRAM), tmp_path, WITH_SDRAM)
    with closing(board):
        boot(board, program.image, address=program.address, limits=LIMITS, progress=ignore)
        # a refresh of the SDRAM may fall into one of so short inferences: then one more is measured
        assert run_program(board, program, progress=ignore).cycles.count >= 3


@pytest.mark.slow
@pytest.mark.parametrize("boot_program", BOOT_PROGRAMS)
def test_the_slowest_core_keeps_up_with_a_megabaud_at_50_mhz(
    boot_program: Callable[[], bytes], tmp_path: Path
) -> None:
    """Its UART has a queue of 16 bytes, and nothing stops the line when it is full."""
    simulator_of_core = paced_simulator(BOOTING, byte_cycles=500, core=slowest_core())
    program = smallest_program()
    board = SimulatedBoard(simulator_of_core, booting_folder(boot_program(), tmp_path))
    with closing(board):
        booted = boot(board, program.image, address=program.address, limits=LIMITS, progress=ignore)
        figures = run_program(board, program, progress=ignore)
    assert booted.resent == 0
    assert figures.cycles.count == 3
    assert "lost" not in (tmp_path / "simulator.log").read_text()


class SpoilingBoard(FaultyBoard):
    """A line that loses a byte of one frame, and changes one of another."""

    def __init__(self, board: Board) -> None:
        super().__init__(board, None)
        self._sends = 0

    def send(self, data: bytes, *, timeout_s: float = 10.0) -> None:
        self._sends += 1
        if self._sends == 4:
            data = data[:100] + data[101:]
        if self._sends == 7:
            data = data[:50] + bytes([data[50] ^ 4]) + data[51:]
        super().send(data, timeout_s=timeout_s)


@pytest.mark.slow
@pytest.mark.parametrize("boot_program", BOOT_PROGRAMS)
def test_a_lost_and_a_changed_byte_cost_a_frame_each(
    boot_program: Callable[[], bytes], tmp_path: Path
) -> None:
    """The boot program waits a quarter of its second for the rest of a frame."""
    running_on = paced_simulator(BOOTING, byte_cycles=434, waits=False)
    board = SpoilingBoard(SimulatedBoard(running_on, booting_folder(boot_program(), tmp_path)))
    with closing(board):
        booted = boot(
            board,
            smallest_program().image,
            address=smallest_program().address,
            limits=replace(LIMITS, frame_s=240.0, quiet_s=3.0),
            progress=ignore,
        )
        run_program(board, smallest_program(), progress=ignore)
    assert booted.resent == 2


@pytest.mark.slow
def test_a_line_that_is_too_fast_for_the_core_is_given_up_by_name(tmp_path: Path) -> None:
    simulator_of_core = paced_simulator(BOOTING, byte_cycles=60, core=slowest_core())
    board = SimulatedBoard(simulator_of_core, booting_folder(bios(), tmp_path))
    limits = replace(LIMITS, request_s=20.0, frame_s=1.0, greeting_s=3.0)
    with closing(board), pytest.raises(DseError) as ended:
        boot(board, bytes(2000), address=0x40000000, limits=limits, progress=ignore)
    assert ended.value.kind in (FaultKind.BOARD_GARBLED, FaultKind.BOARD_SILENT)
    assert "lost a byte" in (tmp_path / "simulator.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("boot_program", BOOT_PROGRAMS)
def test_a_board_on_a_cable_is_loaded_booted_and_measured(
    boot_program: Callable[[], bytes], tmp_path: Path
) -> None:
    """Everything between the command line and the SoC, with a simulator behind the port."""
    run_in = booting_folder(boot_program(), tmp_path / "run")
    board = BoardOnACable(simulator().program, run_in, tmp_path)
    leases = Leases(tmp_path / "cache")
    told: list[str] = []
    entry = BoardEntry(
        name="simulated", target="t", port=str(board.port), load=board.requests.command
    )
    log = BoardLog(path=leases.log_path("simulated"), holder="test", tell=told.append)
    try:
        for _ in range(2):  # the second load finds a board whose firmware runs
            figures = Climber(
                entry=entry,
                bitstream=tmp_path / "soc.bit",
                board_arguments=(),
                program=smallest_program(),
                boot_limits=BootLimits(request_s=240.0),  # it asks again by its own seconds
                log=log,
                progress=ignore,
            ).run(leases)
            assert figures.cycles.count == 3
    finally:
        board.close()
    assert told == []


@pytest.mark.slow
@pytest.mark.parametrize("boot_program", BOOT_PROGRAMS)
def test_a_damaged_rom_is_named_before_anything_is_loaded(
    boot_program: Callable[[], bytes], tmp_path: Path
) -> None:
    damaged = bytearray(boot_program())
    damaged[-20] ^= 1  # text, and within what the checksum covers
    board = booting_board(bytes(damaged), tmp_path)
    with closing(board), pytest.raises(FlashFailed, match="checksum is wrong"):
        boot(board, b"nothing", address=0x40000000, limits=LIMITS, progress=ignore)


@pytest.mark.slow
def test_our_boot_program_is_small_and_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    assert len(lean_boot()) <= 1152  # 1,050 bytes with the RISC-V gcc 13 of Ubuntu 24.04
    board = booting_board(lean_boot(), tmp_path)
    with closing(board):
        board.receive_until(BOOT_REQUEST, timeout_s=60)
        board.send(b"z6IHG7z6IHG7cYDID6o\n")  # the beginning twice, as after noise
        for content, answer in (
            (b"\x40\0\0\0abcd", b"K"),
            (b"\x20\0\0\0abcd", b"U"),  # no memory there
            (b"\x40\1\0\0abcd", b"U"),  # behind the memory
            (b"\x40", b"U"),
        ):
            board.send(frame(Command.LOAD, content))
            assert board.receive(1, timeout_s=60) == answer
        spoilt = bytearray(frame(Command.JUMP, b"\x40\0\0\0"))
        spoilt[-1] ^= 1
        board.send(bytes(spoilt))
        assert board.receive(1, timeout_s=60) == b"C"
        board.send(frame(Command.ABORT, b"\x40\0\0\0"))
        assert board.receive(1, timeout_s=60) == b"U"


@pytest.mark.slow
def test_one_firmware_serves_the_simulated_soc_and_the_boards(tmp_path: Path) -> None:
    """With or without ROM, timer and SDRAM, the serial port's registers stay where they are."""
    real = replace(BOOTING, flavour="synthesis", board="ulx3s", uart_baud=115200)
    described = [
        json.loads((generate(config, tmp_path / str(number)) / "soc.json").read_text())
        for number, config in enumerate(
            [BOOTING, replace(BOOTING, rom_bytes=0), real, replace(WITH_SDRAM, rom_bytes=0)]
        )
    ]
    assert all(soc["uart"] == described[0]["uart"] for soc in described)
    origins = [soc["memory"]["main_ram"]["origin"] for soc in described]
    assert set(origins) == {0x40000000}


@pytest.mark.slow
def test_a_session_can_be_recorded_anew(tmp_path: Path) -> None:
    record(tmp_path)
    program = program_of_session(tmp_path)
    board = ReplayBoard(tmp_path / SESSION.name)
    assert talk(board, program).cycles.count == 3
    board.close()
    assert program.image == smallest_program().image


# The same code on the recorded session


def test_a_recorded_boot_and_inference_plays_back() -> None:
    board = ReplayBoard(SESSION)
    figures = talk(board, program_of_session())
    board.close()  # complains about anything that was not asked for
    assert figures.cycles.count == 3
    assert [layer.operator for layer in figures.layers] == ["FULLY_CONNECTED"]


def test_a_recording_of_a_playback_is_the_recording(tmp_path: Path) -> None:
    board = RecordingBoard(ReplayBoard(SESSION), tmp_path / "again.jsonl")
    talk(board, program_of_session())
    board.close()
    assert (tmp_path / "again.jsonl").read_text() == SESSION.read_text()


def test_another_firmware_is_not_what_was_recorded() -> None:
    other = program_of_session()
    image = bytearray(other.image)
    image[100] ^= 1
    with pytest.raises(DseError, match="recorded is"):
        talk(ReplayBoard(SESSION), replace(other, image=bytes(image)))


FAULTS = {
    LineFault.SILENCE: FaultKind.BOARD_SILENT,
    LineFault.GARBAGE: FaultKind.BOARD_GARBLED,
    LineFault.DROPPED: FaultKind.BOARD_GARBLED,
    LineFault.DRIP: FaultKind.BOARD_SILENT,
    LineFault.VANISH: FaultKind.BOARD_MISSING,
    LineFault.REBOOT_LOOP: FaultKind.BOARD_GARBLED,
}


@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
def test_a_recorded_board_that_fails_after_its_boot_fails_by_name(
    fault: LineFault, kind: FaultKind
) -> None:
    program = program_of_session()
    answers_of_boot = 1 + 1 + -(-(len(program.image) - 4) // 251) + 2
    board = FaultyBoard(ReplayBoard(SESSION), fault, after=answers_of_boot + 2)
    with pytest.raises(DseError) as ended:
        talk(board, replace(program, limits=replace(program.limits, serial_timeout_s=1.0)))
    assert ended.value.kind is kind
