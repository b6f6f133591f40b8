"""Energy of an inference: by simulated meters of every kind, and with all that goes wrong."""

import contextlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import (
    ConfigError,
    DseError,
    FaultKind,
    MeterGarbled,
    MeterMissing,
    MeterTooSlow,
    ToolMissing,
)
from runners.boards.bench import read_bench
from runners.boards.energy import Energy, measure_energy
from runners.boards.ladder import BoardLog, Climber
from runners.boards.lease import Leases
from runners.boards.meters import PowerSection, Recorder, open_meter, require_meter
from runners.boards.meters.kinds import meter_names
from runners.boards.program import BoardFigures, Metered
from tests.boards.meter_devices import (
    Lpm01a,
    program,
    steady,
    with_joulescope,
    with_ppk2,
)
from tests.boards.model_board import ModelBoard, model_board
from tests.boards.model_board import program as board_program
from tests.boards.pty_device import device
from tests.boards.test_ladder import LIMITS

WHERE = "[boards.left.power]"
INFERENCE_S = 0.001


class Computing:
    """A board that takes a millisecond an inference, and knows whether it computes."""

    def __init__(self) -> None:
        self.is_busy = False
        self._lines: Iterator[bytes] = iter(())
        self._now_us = 0

    def send(self, data: bytes, **_: object) -> None:
        count = int(data.split()[1])
        self._lines = self._answer(count)

    def receive_until(self, end: bytes, **_: object) -> bytes:
        del end
        return next(self._lines) + b"\r\n"

    def _answer(self, count: int) -> Iterator[bytes]:
        time.sleep(0.05)
        yield from (b"m-warmup-start-0", b"m-warmup-done", b"m-infer-start-%d" % count)
        yield b"m-lap-us-%d" % self._now_us
        self.is_busy = True
        time.sleep(count * INFERENCE_S)
        self._now_us += round(1e6 * count * INFERENCE_S)
        self.is_busy = False
        yield b"m-lap-us-%d" % self._now_us
        time.sleep(0.05)
        yield from (b"m-infer-done", b"m-results-[3,1,4]", b"m-ready")


def power(meter: str, **more: Any) -> PowerSection:
    return PowerSection.model_validate({"meter": meter, **more})


@contextlib.contextmanager
def opened(settings: PowerSection) -> Iterator[Recorder]:
    meter = open_meter(settings, where=WHERE)
    try:
        yield meter
    finally:
        meter.close()


def energy_by(
    settings: PowerSection, *, board: Computing | None = None, window_s: float = 0.2
) -> Energy:
    with opened(settings) as meter:
        time.sleep(0.05)
        return measure_energy(
            board or Computing(),  # type: ignore[arg-type]
            meter,
            inference_s=INFERENCE_S,
            window_s=window_s,
            accuracy_percent=settings.accuracy_percent,
            answer_s=5.0,
        )


# what is measured


def test_power_between_the_timestamps_by_their_time_is_the_energy() -> None:
    found = energy_by(power("command", command=steady(0.5)))
    assert found.uj == pytest.approx(500.0, rel=1e-3)
    assert found.rows == 3
    assert found.inferences == 3 * 200


@pytest.mark.slow  # of waiting
def test_what_the_board_takes_while_it_waits_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Computing()
    with_ppk2(monkeypatch, watts=lambda _: 2.0 if board.is_busy else 0.01)
    found = energy_by(power("ppk2", port="p", voltage_mv=3300), board=board)
    assert found.uj == pytest.approx(2000.0, rel=0.05)


@pytest.mark.slow  # of waiting
def test_the_spread_of_the_rows_and_the_meters_own_error_are_told() -> None:
    noisy = program("""
        n = 0
        while True:
            n += 1
            print(0.4 if n // 23 % 2 else 0.6)
            time.sleep(0.005)
    """)
    found = energy_by(power("command", command=noisy), window_s=0.15)
    assert found.uj == pytest.approx(500.0, rel=0.15)
    assert found.half_width_uj > 1.0
    exact = energy_by(power("command", command=steady(0.5), accuracy_percent=2.0))
    assert exact.half_width_uj == pytest.approx(0.02 * exact.uj, rel=0.1)


@pytest.mark.slow  # of waiting
def test_a_program_may_tell_its_own_times() -> None:
    """Whoever buffers its output has the readings where they were all the same."""
    in_heaps = program("""
        n = 0
        while True:
            for _ in range(10):
                n += 1
                print(f"{1000 + n * 0.005:.3f} {0.1 if n % 2 else 0.9}")
            time.sleep(0.05)
    """)
    found = energy_by(power("command", command=in_heaps), window_s=0.5)
    assert found.uj == pytest.approx(500.0, rel=0.1)


def test_lines_that_come_together_share_the_time() -> None:
    in_heaps = program("while True:\n    print('0.2\\n0.8\\n' * 5)\n    time.sleep(0.03)\n")
    found = energy_by(power("command", command=in_heaps))
    assert found.uj == pytest.approx(500.0, rel=0.1)


@pytest.mark.slow  # of waiting
def test_an_lpm01a_is_asked_in_its_own_protocol() -> None:
    shield = Lpm01a(0.03)
    with device(shield.answer) as line:
        found = energy_by(power("lpm01a", port=line.path, voltage_mv=3300))
        assert found.uj == pytest.approx(30.0, rel=0.02)
        deadline_s = time.monotonic() + 5
        while shield.commands[-1] != "hrc" and time.monotonic() < deadline_s:
            time.sleep(0.01)
    assert shield.commands[:3] == ["htc", "volt 3300m", "output energy"]
    assert shield.commands[-3:] == ["start", "stop", "hrc"]


@pytest.mark.parametrize("returns_list", [False, True], ids=["0.9.2", "older"])
def test_a_ppk2_is_asked_by_the_makers_package(
    monkeypatch: pytest.MonkeyPatch, returns_list: bool
) -> None:
    kit = with_ppk2(monkeypatch, watts=lambda _: 0.5, returns_list=returns_list)
    found = energy_by(power("ppk2", port="p", voltage_mv=5000, supplies=True))
    assert found.uj == pytest.approx(500.0, rel=0.02)
    assert kit.calls[:4] == ["p", "stop", "source", "ON"]
    assert kit.calls[-2:] == ["stop", "closed"]


@pytest.mark.slow  # of waiting
def test_a_joulescope_is_asked_by_the_makers_package(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = with_joulescope(monkeypatch, watts=lambda _: 0.5)
    found = energy_by(power("js220", port="000123"), window_s=0.8)
    assert found.uj == pytest.approx(500.0, rel=0.02)
    assert driver.published["u/js220/000123/s/stats/ctrl"] == 0
    assert driver.published["finalized"]


# what goes wrong


@pytest.mark.slow  # of waiting
def test_rows_are_made_longer_for_a_slow_meter() -> None:
    found = energy_by(power("command", command=steady(0.5, period_s=0.08)), window_s=0.1)
    assert found.uj == pytest.approx(500.0, rel=0.01)
    assert found.inferences >= 3 * 800


def test_a_meter_that_is_slower_than_the_longest_row_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runners.boards.energy.LONGEST_ROW_S", 0.4)
    with pytest.raises(MeterTooSlow, match=r"readings in 0\.\d+ s(.|\n)*fix: let it measure"):
        energy_by(power("command", command=steady(0.5, period_s=0.15)), window_s=0.1)


DIES = program("for _ in range(20):\n    print(0.5)\n    time.sleep(0.01)\nsys.exit(3)\n")
GARBLED = {
    "words": program("print('Joulescope ready')\ntime.sleep(9)\n"),
    "three numbers": program("print('1 2 3')\ntime.sleep(9)\n"),
    "not a number": program("print('nan')\ntime.sleep(9)\n"),
    "infinite": program("print('inf')\ntime.sleep(9)\n"),
    "no line at all": program("sys.stdout.write('x' * 5000)\ntime.sleep(9)\n"),
    "a time that runs back": program("print('2 0.5\\n1 0.5')\ntime.sleep(9)\n"),
    "milliseconds": program(
        "n = 0\nwhile True:\n    n += 10\n    print(n, 0.5)\n    time.sleep(0.01)\n"
    ),
    "swapped leads": steady(-0.5),
    "nothing is taken": steady(0.0),
}


@pytest.mark.parametrize("command", GARBLED.values(), ids=GARBLED)
def test_nonsense_is_named(command: list[str]) -> None:
    with pytest.raises(MeterGarbled, match="fix:"):
        energy_by(power("command", command=command), window_s=0.15)


def test_a_meter_that_is_unplugged_in_the_middle_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MeterMissing, match="ended with status 3"):
        energy_by(power("command", command=DIES))
    shield = Lpm01a(0.03, stops_after=200)
    with (
        device(shield.answer) as line,
        pytest.raises(MeterMissing, match=r"went away(.|\n)*cable"),
    ):
        energy_by(power("lpm01a", port=line.path, voltage_mv=3300))
    with_ppk2(monkeypatch, gone_after_s=0.2)
    with pytest.raises(MeterMissing, match="Input/output error"):
        energy_by(power("ppk2", port="p", voltage_mv=3300))
    driver = with_joulescope(monkeypatch)
    with opened(power("js220")) as meter:
        driver.paths = ()
        with pytest.raises(MeterMissing, match="went away"):
            meter.between(time.monotonic(), time.monotonic() + 0.1)


def test_a_meter_that_stops_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.boards.meters.meter.LONGEST_SILENCE_S", 0.3)
    stops = program("print(0.5)\nprint(0.5)\ntime.sleep(99)\n")
    with pytest.raises(MeterMissing, match=r"said nothing for 0.3 s"):
        energy_by(power("command", command=stops))


def test_an_overload_of_an_lpm01a_is_named() -> None:
    shield = Lpm01a(0.03, stops_after=50, at_end=b"error: overcurrent\r\n")
    with (
        device(shield.answer) as line,
        pytest.raises(MeterGarbled, match=r"overcurrent(.|\n)*50 mA"),
    ):
        energy_by(power("lpm01a", port=line.path, voltage_mv=3300))


def opening(settings: PowerSection) -> Callable[[], None]:
    return lambda: open_meter(settings, where=WHERE).close()


def test_a_meter_that_is_not_there_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.boards.meters.kinds.lpm01a._ANSWER_S", 0.3)
    with_ppk2(monkeypatch)
    with_joulescope(monkeypatch, paths=("u/js110/1", "u/js220/1", "u/js220/2"))
    for settings, told in (
        (power("command", command=["/nowhere/meter"]), "cannot be started"),
        (power("lpm01a", port="/dev/nowhere", voltage_mv=3300), "cannot be opened"),
        (power("ppk2", port="nowhere", voltage_mv=3300), "could not open port"),
        (power("js220"), "2 Joulescopes"),
        (power("js220", port="/3"), "no Joulescopes JS220 whose path has '/3'"),
    ):
        with pytest.raises(MeterMissing, match=told) as missing:
            opening(settings)()
        assert missing.value.fix
    with (
        device(lambda _line, _data: None) as silent,
        pytest.raises(MeterMissing, match="did not answer 'htc'"),
    ):
        opening(power("lpm01a", port=silent.path, voltage_mv=3300))()
    with (
        device(lambda line, _: line.say(b"m-ready\r\n")) as other,
        pytest.raises((MeterGarbled, MeterMissing), match="fix:"),
    ):
        opening(power("lpm01a", port=other.path, voltage_mv=3300))()
    with_ppk2(monkeypatch, calibration=None)
    with pytest.raises(MeterGarbled, match="calibration"):
        opening(power("ppk2", port="p", voltage_mv=3300))()
    with_joulescope(monkeypatch, refuses=True)
    with pytest.raises(MeterMissing, match="udev"):
        opening(power("js220"))()


# how it is described


def test_a_makers_package_is_asked_for_by_name_and_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in ("ppk2_api", "pyjoulescope_driver") else real(name),
    )
    for name in ("ppk2_api", "pyjoulescope_driver"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for settings, package in (
        (power("ppk2", port="p", voltage_mv=3300), "ppk2-api"),
        (power("js220"), "pyjoulescope-driver"),
    ):
        with pytest.raises(ToolMissing, match=rf"fix: pip install {package}"):
            require_meter(settings, where=WHERE)
    assert not {"ppk2_api", "pyjoulescope_driver"} & set(sys.modules)


SECTION = '[boards.left]\ntarget = "t"\nport = "p"\n[boards.left.power]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('meter = "multimeter"', r"no meter 'multimeter'\n  fix: use one of: command, js220"),
        ('meter = "command"', "needs command"),
        ('meter = "lpm01a"\nport = "p"', "needs voltage_mv"),
        ('meter = "lpm01a"\nport = "p"\nvoltage_mv = 12000', "voltage_mv is 12000"),
        ('meter = "command"\ncommand = ["m"]\nwatts = 3', r"power.watts is not a known key"),
        ("", r"power.meter is missing"),
        ('meter = "command"\ncommand = ["m"]\nwindow_s = 0', "window_s is 0"),
    ],
)
def test_a_wrong_section_is_refused_before_anything_is_measured(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "boards.toml").write_text(SECTION + text)
    with pytest.raises(ConfigError, match=told):
        read_bench(tmp_path / "boards.toml")


def test_a_board_without_a_section_has_no_meter(tmp_path: Path) -> None:
    (tmp_path / "boards.toml").write_text('[boards.left]\ntarget = "t"\nport = "p"\n')
    assert read_bench(tmp_path / "boards.toml").named("left").power is None
    assert meter_names() == ("command", "js220", "lpm01a", "ppk2")


# on a board


def climb(board: ModelBoard, folder: Path, command: list[str]) -> tuple[BoardFigures, list[str]]:
    """Measure the model board with a meter; return the figures and what was told."""
    told: list[str] = []
    leases = Leases(folder / "cache")
    settings = power("command", command=command, window_s=0.3)
    with opened(settings) as meter:
        figures = Climber(
            entry=board.entry(),
            bitstream=folder / "soc.bit",
            board_arguments=(),
            program=board_program(),
            boot_limits=LIMITS,
            log=BoardLog(path=leases.log_path("model"), holder="t", tell=told.append),
            progress=lambda _: None,
            metered=Metered(meter=meter, settings=settings),
        ).run(leases)
    return figures, told


def test_a_board_with_a_meter_tells_its_energy(tmp_path: Path) -> None:
    with model_board(tmp_path, speed=1.0) as board:
        figures, told = climb(board, tmp_path, steady(0.5))
    assert figures.energy is not None
    assert figures.energy.uj == pytest.approx(500.0, rel=0.01)
    assert told == []


def test_a_meters_fault_is_not_the_boards(tmp_path: Path) -> None:
    with model_board(tmp_path, speed=1.0) as board:
        with pytest.raises(DseError) as ended:
            climb(board, tmp_path, DIES)
        assert ended.value.kind is FaultKind.METER_MISSING
        assert Leases(tmp_path / "cache").quarantine_of("model") is None
        assert board.loads == 1, "it was not loaded again for that"
