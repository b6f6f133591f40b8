"""A design on a board with every fault that we could think of: its outcome, in time, by name."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import BoardGarbled, BoardMissing, DseError, FaultKind, WrongResult
from runners.boards import SerialBoard
from runners.boards.bench import BoardEntry
from runners.boards.ladder import BoardLog, Climber
from runners.boards.lease import Leases
from runners.boards.program import BoardFigures, run_program
from runners.boards.serial_boot import BootLimits, boot
from runners.boards.serial_port import open_port
from tests.boards.model_board import ADDRESS, IMAGE, Fault, ModelBoard, model_board, program

LIMITS = BootLimits(
    request_s=3.0, ask_again_s=0.5, frame_s=0.6, quiet_s=0.1, greeting_s=2.0, total_s=10.0
)
OUTCOMES = {
    Fault.SILENT_BOOT: FaultKind.BOARD_SILENT,
    Fault.GARBLED_BOOT: FaultKind.BOARD_SILENT,
    Fault.BAD_ROM: FaultKind.FLASH_FAILED,
    Fault.BAD_MEMORY: FaultKind.FLASH_FAILED,
    Fault.NO_GREETING: FaultKind.BOARD_SILENT,
    Fault.SILENCE: FaultKind.BOARD_SILENT,
    Fault.GARBAGE: FaultKind.BOARD_GARBLED,
    Fault.DROPPED: FaultKind.BOARD_GARBLED,
    Fault.DRIP: FaultKind.BOARD_SILENT,
    Fault.VANISH: FaultKind.BOARD_MISSING,
    Fault.REBOOT_LOOP: FaultKind.BOARD_GARBLED,
    Fault.NOT_LOADED: FaultKind.FLASH_FAILED,
}


@pytest.fixture(autouse=True)
def _ports_come_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.boards.ladder._PORT_TIMEOUT_S", 1.0)


class Bench:
    """Trials on one model board."""

    def __init__(self, folder: Path) -> None:
        self.leases = Leases(folder / "cache")
        self.told: list[str] = []
        self.bitstream = folder / "soc.bit"

    def trial(self, board: ModelBoard, entry: BoardEntry | None = None) -> BoardFigures:
        log = BoardLog(path=self.leases.log_path("model"), holder="t", tell=self.told.append)
        return Climber(
            entry=entry or board.entry(),
            bitstream=self.bitstream,
            board_arguments=(),
            program=program(),
            boot_limits=LIMITS,
            log=log,
            progress=lambda _: None,
        ).run(self.leases)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_healthy_board_is_measured_until_the_mean_is_known(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path) as board:
        figures = bench.trial(board)
    assert (figures.cycles.mean, figures.cycles.count) == (1001, 3)
    assert 0 < figures.cycles.half_width < 0.01 * 1001
    assert [layer.name for layer in figures.layers] == ["conv2d_0"]
    assert bench.told == []


@pytest.mark.slow  # of waiting, not of computing
@pytest.mark.parametrize(("fault", "kind"), OUTCOMES.items())
def test_every_fault_ends_by_name_and_the_next_trial_works(
    bench: Bench, tmp_path: Path, fault: Fault, kind: FaultKind
) -> None:
    with model_board(tmp_path, fault=fault) as board:
        with pytest.raises(DseError, match=r"is in quarantine(.|\n)*fix: (.|\n)*rm ") as ended:
            bench.trial(board)
        assert ended.value.kind is kind
        assert [line.split(" -> ")[1] for line in bench.told] == [
            "reopen its port",
            "load it again",
            "quarantine",
        ]
        assert ended.value.detail.count("->") == 3, "the trial has the log"
        board.heal()
        assert bench.trial(board).cycles.mean == 1001


def test_a_wrong_result_is_the_designs_fault_and_not_the_boards(
    bench: Bench, tmp_path: Path
) -> None:
    with model_board(tmp_path, fault=Fault.WRONG) as board:
        with pytest.raises(WrongResult, match="first layer that differs is conv2d_0"):
            bench.trial(board)
        assert bench.told == []
        assert bench.leases.quarantine_of("model") is None
        board.heal()
        assert bench.trial(board).cycles.mean == 1001


def test_a_missing_cable_is_named_at_once_and_puts_nothing_away(
    bench: Bench, tmp_path: Path
) -> None:
    with (
        model_board(tmp_path, fault=Fault.NO_CABLE) as board,
        pytest.raises(
            DseError, match=r"cable of board model is not connected(.|\n)*--scan-usb"
        ) as e,
    ):
        bench.trial(board)
    assert e.value.kind is FaultKind.BOARD_MISSING
    assert bench.told == []
    assert bench.leases.quarantine_of("model") is None


def test_a_second_load_brings_a_silent_board_back(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path, fault=Fault.SILENCE, healed_by=2) as board:
        assert bench.trial(board).cycles.mean == 1001
    assert [line.rpartition(" -> ")[2] for line in bench.told] == [
        "reopen its port",
        "load it again",
        "board model: it is back",
    ]
    assert bench.leases.log_path("model").read_text().count("(t)") == 5


def test_a_port_in_use_is_named_and_puts_nothing_away(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path) as board:
        board.load()
        entry = board.entry(load=["true"])
        other = SerialBoard(board.port, baud=115200)
        with pytest.raises(BoardMissing, match=r"port is in use by another program(.|\n)*fuser"):
            bench.trial(board, entry)
        other.close()
        assert bench.leases.quarantine_of("model") is None


def test_power_may_bring_a_port_back(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path, fault=Fault.NO_CABLE, healed_by=2) as board:
        assert bench.trial(board, board.entry(power_cycle=["true"])).cycles.mean == 1001
    assert [line.rpartition(" -> ")[2] for line in bench.told] == [
        "take its power away",
        "board model: it is back",
    ]


@pytest.mark.slow
def test_the_power_hook_is_the_last_rung(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path, fault=Fault.REBOOT_LOOP, healed_by=3) as board:
        hook = ["touch", str(tmp_path / "power was away")]
        assert bench.trial(board, board.entry(power_cycle=hook)).cycles.mean == 1001
    assert (tmp_path / "power was away").exists()
    assert "-> take its power away" in bench.told[2]


def test_spoilt_frames_are_sent_again(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path, spoilt_frames=(1, 4, 5)) as board:
        bench.trial(board)
    assert bench.told == []
    (booted,) = (line for line in bench.leases.log_path("model").read_text().splitlines())
    assert "booted: 9 frames, 3 of them again" in booted


@pytest.mark.parametrize("speed", [0.6, 1.5])
def test_a_board_whose_clock_is_another_one_gives_no_number(tmp_path: Path, speed: float) -> None:
    with model_board(tmp_path, speed=speed) as board, on_the_line(board) as line:
        checked = replace(program(), clock_check_s=0.5)
        with pytest.raises(BoardGarbled, match=r"by its own clock of 1 MHz(.|\n)*clock\.hz"):
            run_program(line, checked, progress=lambda _: None)


def test_a_board_whose_clock_is_right_passes(tmp_path: Path) -> None:
    with model_board(tmp_path, speed=1.0) as board, on_the_line(board) as line:
        checked = replace(program(), clock_check_s=0.5)
        assert run_program(line, checked, progress=lambda _: None).cycles.count == 3


@contextlib.contextmanager
def on_the_line(board: ModelBoard) -> Iterator[SerialBoard]:
    """A booted board."""
    board.load()
    line = open_port(str(board.port), baud=115200, timeout_s=10)
    boot(line, IMAGE, address=ADDRESS, limits=LIMITS, progress=lambda _: None)
    yield line
    line.close()


def test_a_board_with_another_firmware_is_told_from_ours(bench: Bench, tmp_path: Path) -> None:
    with model_board(tmp_path) as board:
        log = BoardLog(path=bench.leases.log_path("model"), holder="t", tell=bench.told.append)
        climber = Climber(
            entry=board.entry(),
            bitstream=bench.bitstream,
            board_arguments=(),
            program=replace(program(), serial=replace(program().serial, device_name="other")),
            boot_limits=LIMITS,
            log=log,
            progress=lambda _: None,
        )
        with pytest.raises(DseError, match="calls itself 'model', not 'other'"):
            climber.run(bench.leases)
