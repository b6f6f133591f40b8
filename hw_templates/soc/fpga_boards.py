"""Boards as data: clock, pins and what must be held for the board to behave.

A new ECP5 board with an SDR SDRAM is one more entry. Pins are from the boards' schematics.
"""

import re
from dataclasses import dataclass

from contracts.faults import ConfigError

_ECP5 = re.compile(r"LFE5U(M|M5G)?-(12|25|45|85)F")


@dataclass(frozen=True, slots=True, kw_only=True)
class SdramPins:
    """Pins of one SDR SDRAM; groups are least significant first."""

    clock: str
    address: str
    data: str
    bank: str
    mask: str
    row_strobe: str
    column_strobe: str
    write_enable: str
    chip_select: str
    clock_enable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FpgaBoard:
    """One board with an ECP5.

    Attributes:
        name: As targets write it.
        part: The FPGA it is usually sold with.
        grade: Speed grade, package and temperature range, for example ``6BG381C``.
        clock_pin: Oscillator.
        clock_hz: Its frequency.
        reset_pin: Button that is high while pressed.
        uart_tx: Pin that the FPGA drives.
        uart_rx: Pin that the FPGA reads.
        held_high: Pins that must be driven high.
        sdram: The SDRAM, None for a board without.
    """

    name: str
    part: str
    grade: str
    clock_pin: str
    clock_hz: int
    reset_pin: str
    uart_tx: str
    uart_rx: str
    held_high: tuple[str, ...] = ()
    sdram: SdramPins | None = None

    def device(self, part: str) -> str:
        """Return the full name of the FPGA, for example ``LFE5U-85F-6BG381C``.

        Args:
            part: Another FPGA in the same package; empty for the board's own.

        Raises:
            ConfigError: No ECP5 has that name.
        """
        name = part or self.part
        if not _ECP5.fullmatch(name):
            raise ConfigError(
                f"part {name!r} does not exist in the ECP5 family of the board {self.name}",
                fix="use LFE5U-12F, LFE5U-25F, LFE5U-45F or LFE5U-85F",
            )
        return f"{name}-{self.grade}"


_BOARDS = (
    FpgaBoard(
        name="ulx3s",
        part="LFE5U-85F",
        grade="6BG381C",
        clock_pin="G2",
        clock_hz=25_000_000,
        reset_pin="R1",
        uart_tx="L4",
        uart_rx="M1",
        held_high=("L2",),  # else the ESP32 on the board may take the FPGA over
        sdram=SdramPins(
            clock="F19",
            address="M20 M19 L20 L19 K20 K19 K18 J20 J19 H20 N19 G20 G19",
            data="J16 L18 M18 N18 P18 T18 T17 U20 E19 D20 D19 C20 E18 F18 J18 J17",
            bank="P19 N20",
            mask="U19 E20",
            row_strobe="R20",
            column_strobe="T19",
            write_enable="T20",
            chip_select="P20",
            clock_enable="F20",
        ),
    ),
)
FPGA_BOARDS = {board.name: board for board in _BOARDS}


def fpga_board(name: str) -> FpgaBoard:
    """Return the board with that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in FPGA_BOARDS:
        raise ConfigError(f"unknown board {name!r}", fix=f"use one of {', '.join(FPGA_BOARDS)}")
    return FPGA_BOARDS[name]
