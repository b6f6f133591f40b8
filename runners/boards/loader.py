"""Loading a bitstream into an FPGA's SRAM over its cable, by openFPGALoader."""

from collections.abc import Sequence
from pathlib import Path

from contracts.faults import BoardMissing, ConfigError, DseError, FlashFailed, ToolCrashed
from runners.boards.bench import BoardEntry
from runners.tools import run_tool

LOADER = "openFPGALoader"
UDEV_RULE = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="0403", MODE="0660", GROUP="plugdev"'
"""For cables with an FTDI chip; others have another vendor."""

_LOAD_TIMEOUT_S = 180.0
_GONE = (
    "device not found",
    "no dfu compatible device found",
    "no device found",
    "jtag chain empty",
)
_FORBIDDEN = (
    "libusb_error_access",
    "permission denied",
    "libusb_open() failed",
    "usb_open() failed",
    "inappropriate permissions",
)
_NOT_FTDI = "ftdi serial param is for ftdi cables"
_BUSY = ("unable to claim", "libusb_error_busy", "resource busy")


def loader_command(
    entry: BoardEntry, bitstream: Path, *, board_arguments: Sequence[str]
) -> list[str]:
    """Return the command that loads a bitstream.

    Args:
        entry: The board and its cable.
        bitstream: What to load.
        board_arguments: How openFPGALoader knows the board; empty where it does not.

    Raises:
        ConfigError: It does not know the board, and the entry says nothing about the cable.
    """
    if entry.load:
        return [word.replace("{bitstream}", str(bitstream)) for word in entry.load]
    if not entry.cable and not board_arguments:
        raise ConfigError(
            f"{LOADER} does not know the board of target {entry.target}",
            fix=f"set `cable` or `load` in [boards.{entry.name}]; {LOADER} --list-cables",
        )
    command = [LOADER, *board_arguments, "--write-sram"]
    for option, value in (
        ("--cable", entry.cable),
        ("--ftdi-serial", entry.cable_serial),
        ("--busdev-num", entry.usb),
    ):
        command += [option, value] if value else []
    if entry.cable_index is not None:
        command += ["--cable-index", str(entry.cable_index)]
    return [*command, str(bitstream)]


def load_bitstream(
    entry: BoardEntry, bitstream: Path, *, board_arguments: Sequence[str], log: Path
) -> None:
    """Load a bitstream; the FPGA starts with it.

    Raises:
        ConfigError: The entry's cable cannot be chosen as it says.
        BoardMissing: The cable is not there, not permitted, or in use.
        FlashFailed: It was not loaded for another reason.
        ToolMissing: openFPGALoader is not installed.
        ToolTimeout: It hung.
    """
    command = loader_command(entry, bitstream, board_arguments=board_arguments)
    try:
        run_tool(command, cwd=log.parent, log=log, timeout_s=_LOAD_TIMEOUT_S)
    except ToolCrashed as error:
        raise _fault_of(entry, error, command) from error


def power_cycle(entry: BoardEntry, *, log: Path) -> None:
    """Run the board's command that takes its power away and gives it back.

    Raises:
        DseError: A fault of ``run_tool``.
    """
    run_tool(entry.power_cycle, cwd=log.parent, log=log, timeout_s=_LOAD_TIMEOUT_S)


def _fault_of(entry: BoardEntry, error: ToolCrashed, command: Sequence[str]) -> DseError:
    """Tell what the loader's last words mean."""
    lower = error.detail.lower()
    which = f"the cable of board {entry.name}"
    if _NOT_FTDI in lower:
        return ConfigError(
            f"[boards.{entry.name}] cable_serial is {entry.cable_serial!r}, but its cable has no "
            "FTDI chip",
            fix="choose the cable with `usb` or `cable_index`",
        )
    if any(sign in lower for sign in _FORBIDDEN):
        return BoardMissing(
            f"{which} may not be used by you",
            fix=f"as root: echo '{UDEV_RULE}' > /etc/udev/rules.d/60-fpga.rules && udevadm control "
            "--reload && udevadm trigger; then join the group plugdev and plug it in again",
            detail=error.detail,
        )
    if any(sign in lower for sign in _BUSY):
        return BoardMissing(
            f"{which} is in use by another program",
            fix="end it; `fuser -v /dev/bus/usb/*/*` names it",
            detail=error.detail,
        )
    if any(sign in lower for sign in _GONE):
        return BoardMissing(
            f"{which} is not connected",
            fix=f"connect it and check `{LOADER} --scan-usb`; the command was: {' '.join(command)}",
            detail=error.detail,
        )
    return FlashFailed(
        f"the bitstream was not loaded into board {entry.name}: {error.what}",
        fix=f"try the command by hand: {' '.join(command)}",
        detail=error.detail,
    )
