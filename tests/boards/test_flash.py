"""Loading a bitstream: the command, and what the loader's last words mean."""

import os
import shutil
from pathlib import Path

import pytest

from contracts.faults import BoardMissing, ConfigError, DseError, FaultKind, ToolMissing
from hw_templates.soc.fpga_boards import FPGA_BOARDS
from runners.boards.bench import BoardEntry
from runners.boards.loader import LOADER, load_bitstream, loader_command

ULX3S = ("--board", "ulx3s")


def entry(**values: object) -> BoardEntry:
    return BoardEntry.model_validate(
        {"name": "left", "target": "ulx3s_85f", "port": "/dev/ttyUSB0", **values}
    )


def test_the_cable_is_chosen_by_what_the_user_says_of_it() -> None:
    chosen = entry(cable="ft231X", cable_serial="D00084", cable_index=0, usb="1:4")
    words = loader_command(chosen, Path("soc.bit"), board_arguments=ULX3S)
    assert words == [
        *(LOADER, "--board", "ulx3s", "--write-sram"),
        *("--cable", "ft231X", "--ftdi-serial", "D00084", "--busdev-num", "1:4"),
        *("--cable-index", "0", "soc.bit"),
    ]


def test_the_users_own_command_gets_the_bitstream() -> None:
    words = loader_command(
        entry(load=["iceprog", "-S", "{bitstream}"]), Path("soc.bin"), board_arguments=()
    )
    assert words == ["iceprog", "-S", "soc.bin"]


def test_a_board_that_the_loader_does_not_know_needs_a_cable_or_a_command() -> None:
    with pytest.raises(ConfigError, match=r"does not know(.|\n)*set `cable` or `load` in \[boards"):
        loader_command(entry(), Path("soc.bit"), board_arguments=())


needs_loader = pytest.mark.skipif(
    shutil.which(LOADER) is None, reason="openFPGALoader is not installed"
)


@needs_loader
@pytest.mark.parametrize(
    "board", [name for name, board in FPGA_BOARDS.items() if board.loader], ids=str
)
def test_the_real_loader_without_a_cable_is_a_missing_board(board: str, tmp_path: Path) -> None:
    """Also that it understands the arguments of every board that we say it knows."""
    (tmp_path / "soc.bit").write_bytes(bytes(1000))
    with pytest.raises(BoardMissing, match=r"cable of board left is not connected") as missing:
        load_bitstream(
            entry(),
            tmp_path / "soc.bit",
            board_arguments=FPGA_BOARDS[board].loader,
            log=tmp_path / "log",
        )
    assert missing.value.detail, "its own words are kept"


@needs_loader
def test_the_real_loader_chooses_among_ftdi_cables_by_serial_number(tmp_path: Path) -> None:
    (tmp_path / "soc.bit").write_bytes(bytes(1000))

    def load(board: str) -> None:
        load_bitstream(
            entry(cable_serial="D00084"),
            tmp_path / "soc.bit",
            board_arguments=FPGA_BOARDS[board].loader,
            log=tmp_path / "log",
        )

    with pytest.raises(BoardMissing, match="not connected"):
        load("ulx3s")
    with pytest.raises(ConfigError, match=r"no FTDI chip\n  fix: .*`usb` or `cable_index`"):
        load("colorlight_i5")


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ("unable to open ftdi device: -4 (usb_open() failed)", "board-missing", "udevadm control"),
        ("unable to open ftdi device: -4 (libusb_open() failed)", "board-missing", "udevadm"),
        ("libusb_init failed with LIBUSB_ERROR_ACCESS", "board-missing", "plugdev"),
        ("unable to claim usb device. Make sure the default", "board-missing", "fuser -v"),
        ("JTAG init failed with: device not found", "board-missing", "--scan-usb"),
        ("Error: IDCODE 0xffffffff does not match", "flash-failed", "try the command by hand"),
        ("Fail", "flash-failed", "openFPGALoader --board ulx3s"),
    ],
)
def test_the_loaders_last_words_are_understood(
    words: str, kind: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / LOADER
    fake.write_text(
        f"#!/bin/sh\necho 'Jtag frequency : requested 6.00MHz'\necho '{words}'\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DseError) as failed:
        load_bitstream(entry(), tmp_path / "b", board_arguments=ULX3S, log=tmp_path / "log")
    assert failed.value.kind is FaultKind(kind)
    assert message in str(failed.value)
    assert words in failed.value.detail


def test_a_loader_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="openFPGALoader is not installed"):
        load_bitstream(entry(), tmp_path / "b", board_arguments=ULX3S, log=tmp_path / "log")
