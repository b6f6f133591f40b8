"""Which boards there are, and whose they are at the moment."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from contracts.faults import BoardMissing, ConfigError
from runners.boards.bench import BoardEntry, default_bench_path, read_bench
from runners.boards.lease import Leases

TWO = """
[boards.left]
target = "ulx3s_85f"
port = "/dev/ttyUSB0"
cable_serial = "D00084"
power_cycle = ["uhubctl", "-a", "cycle"]

[boards.right]
target = "ulx3s_85f"
port = "/dev/ttyUSB1"
quarantined = true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "boards.toml"
    path.write_text(text)
    return path


def test_boards_are_read_in_their_order(tmp_path: Path) -> None:
    bench = read_bench(written(tmp_path, TWO))
    assert [entry.name for entry in bench.entries] == ["left", "right"]
    assert bench.named("left").power_cycle == ["uhubctl", "-a", "cycle"]
    assert [entry.name for entry in bench.of_target("ulx3s_85f")] == ["left"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[boards", "boards", "is not TOML"),
        ("port = ", "prot = ", r"\[boards.left\] port is missing"),
        (
            '"D00084"',
            '"D00084"\nspeed = 3',
            "speed is not a known key(.|\n)*fix: use one of target",
        ),
        ('"D00084"', "84", r"cable_serial is 84(.|\n)*valid string"),
        ('"D00084"', '"D00084"\nusb = "one"', "usb is 'one'"),
        ("[boards.left]", "[boards.'../x']", r"name is '\.\./x'"),
        ("ttyUSB1", "ttyUSB0", "left and right have the same port"),
        ("[boards.left]", "[board.left]", "board is not a board"),
    ],
)
def test_a_wrong_file_is_refused_with_key_and_fix(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = written(tmp_path, TWO.replace(old, new))
    with pytest.raises(ConfigError, match=words) as refused:
        read_bench(path)
    assert str(path) in refused.value.what
    assert refused.value.fix


def test_a_missing_file_shows_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*nowhere.toml(.|\n)*\[boards.left\]"):
        read_bench(tmp_path / "nowhere.toml")


def test_unknown_boards_and_targets_name_what_there_is(tmp_path: Path) -> None:
    bench = read_bench(written(tmp_path, TWO))
    with pytest.raises(ConfigError, match=r"no board 'middle'\n  fix: .*left, right"):
        bench.named("middle")
    with pytest.raises(ConfigError, match=r"board right is quarantined in"):
        bench.named("right")
    with pytest.raises(ConfigError, match=r"of target 'fomu'; it has: left \(ulx3s_85f\)"):
        bench.of_target("fomu")


def test_the_file_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    monkeypatch.delenv("DSE_BOARDS", raising=False)
    assert default_bench_path() == Path("/config/soft-soc-dse/boards.toml")
    monkeypatch.setenv("DSE_BOARDS", "/elsewhere/b.toml")
    assert default_bench_path() == Path("/elsewhere/b.toml")


# Leases


def entry(name: str) -> BoardEntry:
    return BoardEntry(name=name, target="t", port=f"/dev/{name}")


LEFT, RIGHT = entry("left"), entry("right")


def nobody_waits(text: str) -> None:
    raise AssertionError(text)


def test_several_boards_serve_several_trials(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    first = leases.take([LEFT, RIGHT], holder="a", timeout_s=0, waiting=nobody_waits)
    second = Leases(tmp_path).take([LEFT, RIGHT], holder="b", timeout_s=0, waiting=nobody_waits)
    assert (first.entry.name, second.entry.name) == ("left", "right")
    first.release()
    first.release()
    third = leases.take([LEFT, RIGHT], holder="c", timeout_s=0, waiting=nobody_waits)
    assert third.entry.name == "left"
    second.release()
    third.release()


def test_a_connected_board_is_taken_before_one_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "port").touch()
    there = BoardEntry(name="there", target="t", port=str(tmp_path / "port"))
    lease = Leases(tmp_path).take([LEFT, there], holder="a", timeout_s=0, waiting=nobody_waits)
    assert lease.entry.name == "there"
    lease.release()


def test_who_comes_second_is_told_who_has_the_board_and_for_how_long_it_waits(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    with Leases(tmp_path).take([LEFT], holder="night 3", timeout_s=0, waiting=told.append):
        started_s = time.monotonic()
        with pytest.raises(BoardMissing, match=r"within 0\.8 s: left \(used by night 3, process"):
            Leases(tmp_path).take([LEFT], holder="b", timeout_s=0.8, waiting=told.append)
        assert time.monotonic() - started_s >= 0.8
    assert len(told) == 1
    assert told[0].startswith("waiting for a board: left (used by night 3")
    Leases(tmp_path).take([LEFT], holder="b", timeout_s=0, waiting=nobody_waits).release()


def _hold(folder: Path, ready: "multiprocessing.Queue[int]") -> None:
    with Leases(folder).take([LEFT], holder="child", timeout_s=0, waiting=nobody_waits):
        ready.put(os.getpid())
        time.sleep(600)


def test_a_lease_ends_with_its_holder_however_it_dies(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready: multiprocessing.Queue[int] = context.Queue()
    holder = context.Process(target=_hold, args=(tmp_path, ready))
    holder.start()
    pid = ready.get(timeout=60)
    with pytest.raises(BoardMissing, match="used by child"):
        Leases(tmp_path).take([LEFT], holder="b", timeout_s=0, waiting=lambda _: None)
    os.kill(pid, signal.SIGKILL)
    holder.join(60)
    Leases(tmp_path).take([LEFT], holder="b", timeout_s=5, waiting=lambda _: None).release()
    ready.close()


def test_a_board_in_quarantine_is_left_alone_until_the_file_is_gone(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    path = leases.quarantine("left", reason="board-silent: nothing came", now_s=0.0)
    other = leases.take([LEFT, RIGHT], holder="a", timeout_s=0, waiting=nobody_waits)
    assert other.entry.name == "right"
    other.release()
    with pytest.raises(BoardMissing, match=rf"left: board-silent: nothing(.|\n)*rm {path}"):
        leases.take([LEFT], holder="a", timeout_s=60, waiting=nobody_waits)
    path.unlink()
    leases.take([LEFT], holder="a", timeout_s=0, waiting=nobody_waits).release()


def test_an_unreadable_record_is_a_quarantine_too(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.quarantine("left", reason="x", now_s=0.0).write_text("{")
    assert leases.quarantine_of("left") == "its record cannot be read"
