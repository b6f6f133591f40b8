"""FPGA boards as data: one file each in ``hw_templates/boards``, read and checked here.

Pins are from the boards' schematics. How to add a board: ``docs/how-to/add-a-board.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from contracts.faults import ConfigError
from contracts.untrusted import parse_toml

FOLDER = Path(__file__).resolve().parent.parent / "boards"
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Oscillator:
    """Where the clock comes in.

    Attributes:
        pin: Where it is.
        hz: Its frequency.
        at_pll: The pin is the PLL's own input, which on an iCE40 serves nothing else then.
    """

    pin: str
    hz: int
    at_pll: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetButton:
    """A button that resets the SoC.

    Attributes:
        pin: Where it is.
        active: ``high`` or ``low``: the level while it is pressed.
        io: Electrical standard.
        settings: More settings of the pin in the family's own words, such as ``PULLMODE=UP``.
    """

    pin: str
    active: str
    io: str = "LVCMOS33"
    settings: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UartPins:
    """Pins of the serial port: the FPGA drives ``tx`` and reads ``rx``."""

    tx: str
    rx: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SdramPins:
    """One SDR SDRAM; groups of pins are least significant first, separated by blanks.

    Attributes:
        chip: Name in ``hw_templates.soc.sdram_chips``.
        clock_phase_degrees: How late the chip's clock is against the system clock.
        in_package: The chip lies in the FPGA's package: no pins, but port names that the vendor
            has fixed.
        clock: Pin of the chip's clock.
        address: Address lines.
        data: Data lines.
        bank: Bank address.
        row_strobe: RAS.
        column_strobe: CAS.
        write_enable: WE.
        mask: Byte masks; empty where they are wired to "never": then only whole words are written.
        chip_select: CS; empty where it is wired.
        clock_enable: CKE; empty where it is wired.
    """

    chip: str
    clock_phase_degrees: int = 90
    in_package: bool = False
    clock: str = ""
    address: str = ""
    data: str = ""
    bank: str = ""
    row_strobe: str = ""
    column_strobe: str = ""
    write_enable: str = ""
    mask: str = ""
    chip_select: str = ""
    clock_enable: str = ""

    @property
    def writes_bytes(self) -> bool:
        """Whether single bytes can be written without the rest of their word."""
        return self.in_package or bool(self.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class LitexTarget:
    """LiteX's own target of a board, for bitstreams by a vendor's tool; see ``litex_target``.

    Attributes:
        name: What a person calls it: as the target of studies with the same board and part.
        module: Its module of ``litex_boards.targets``.
        part: The FPGA, as the vendor's tool calls it.
        variant: What its ``BaseSoC`` calls that FPGA; empty where it has one only.
    """

    name: str
    module: str
    part: str
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FpgaBoard:
    """One board.

    Attributes:
        name: As targets write it; the file's name.
        family: A folder of ``hw_templates/soc/fpga``.
        parts: FPGAs that the board is sold with, the usual one first.
        device: Full name of the FPGA for its tools; ``{part}`` stands for one of ``parts``.
        clock: Oscillator.
        reset: Button, None for a board without.
        uart: Serial port.
        held_high: Pins that must be driven high.
        sdram: The SDRAM, None for a board without or one whose memory is of another kind.
        loader: Arguments by which openFPGALoader 0.10.0 knows the board; empty where it does not.
        litex: For boards of families that only a vendor's tool places, one for each part.
    """

    name: str
    family: str
    parts: tuple[str, ...]
    device: str
    clock: Oscillator
    uart: UartPins
    reset: ResetButton | None = None
    held_high: tuple[str, ...] = ()
    sdram: SdramPins | None = None
    loader: tuple[str, ...] = ()
    litex: tuple[LitexTarget, ...] = ()

    def device_of(self, part: str) -> str:
        """Return the full name of the FPGA, for example ``LFE5U-85F-6BG381C``.

        Args:
            part: One of ``parts``; empty for the usual one.

        Raises:
            ConfigError: The board does not come with that part.
        """
        chosen = part or self.parts[0]
        if chosen not in self.parts:
            raise ConfigError(
                f"part {chosen!r} does not exist on the board {self.name}",
                fix=f"use {', '.join(self.parts)}",
            )
        return self.device.format(part=chosen)


def read_board(path: Path) -> FpgaBoard:
    """Read the file of one board.

    Raises:
        ConfigError: It is not TOML, or keys are missing, superfluous or of the wrong type.
    """
    try:
        content = parse_toml(path.read_text(encoding="utf-8"))
        sections = {
            "clock": _section(Oscillator, content["clock"]),
            "uart": _section(UartPins, content["uart"]),
            "reset": _section(ResetButton, content["reset"]) if "reset" in content else None,
            "sdram": _section(SdramPins, content["sdram"]) if "sdram" in content else None,
            "litex": tuple(_section(LitexTarget, each) for each in content.get("litex", ())),
        }
        lists = {key: tuple(content.get(key, ())) for key in ("parts", "held_high", "loader")}
        return _section(FpgaBoard, {**content, **sections, **lists, "name": path.stem})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} does not describe a board: {error}",
            fix="write it like the other files in hw_templates/boards",
        ) from error


def _section(kind: type[_Part], values: Mapping[str, Any]) -> _Part:
    """Build one part of a board; the error names what is missing or not known."""
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    for name, value in values.items():
        if name in known and known[name] in (str, int, bool) and type(value) is not known[name]:
            raise TypeError(f"{name} is {value!r}")
    return kind(**values)


FPGA_BOARDS = {path.stem: read_board(path) for path in sorted(FOLDER.glob("*.toml"))}


def fpga_board(name: str) -> FpgaBoard:
    """Return the board with that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in FPGA_BOARDS:
        raise ConfigError(f"unknown board {name!r}", fix=f"use one of {', '.join(FPGA_BOARDS)}")
    return FPGA_BOARDS[name]


def board_file(name: str) -> Path:
    """Return the file of the board with that name; raises as ``fpga_board`` does."""
    return FOLDER / f"{fpga_board(name).name}.toml"
