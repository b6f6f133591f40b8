"""Pads of a board as LiteX wants them. Needs LiteX; see ``generate``."""

from typing import Any

from litex.build.generic_platform import GenericPlatform, IOStandard, Misc, Pins, Subsignal

from hw_templates.soc.fpga_boards import FpgaBoard, SdramPins
from hw_templates.soc.sdram_chips import SdramChip, sdram_chip

NO_PIN = "X"
"""What LiteX calls the place of a port that the tools place themselves."""
_LVCMOS33 = IOStandard("LVCMOS33")
_FAST = Misc("SLEWRATE=FAST")
Pads = list[tuple[Any, ...]]


def board_pads(board: FpgaBoard) -> Pads:
    """Return everything that a SoC may request on a board."""
    pads: Pads = [
        ("clock", 0, Pins(board.clock.pin), _LVCMOS33),
        (
            "serial",
            0,
            Subsignal("tx", Pins(board.uart.tx)),
            Subsignal("rx", Pins(board.uart.rx)),
            _LVCMOS33,
        ),
    ]
    if board.reset is not None:
        more = [Misc(board.reset.settings)] if board.reset.settings else []
        pads.append(("reset", 0, Pins(board.reset.pin), IOStandard(board.reset.io), *more))
    pads += [
        ("held_high", index, Pins(pin), _LVCMOS33) for index, pin in enumerate(board.held_high)
    ]
    if board.sdram is not None:
        chip = sdram_chip(board.sdram.chip)
        pads += _packaged_sdram(chip) if board.sdram.in_package else _sdram(board.sdram)
    return pads


def sdram_pads(platform: GenericPlatform, pins: SdramPins) -> Any:
    """Request the SDRAM's lines, all but its clock, under the names that LiteDRAM's PHY knows."""
    if not pins.in_package:
        return platform.request("sdram")
    names = {
        "cke": "O_sdram_cke",
        "cs_n": "O_sdram_cs_n",
        "cas_n": "O_sdram_cas_n",
        "ras_n": "O_sdram_ras_n",
        "we_n": "O_sdram_wen_n",
        "dm": "O_sdram_dqm",
        "a": "O_sdram_addr",
        "ba": "O_sdram_ba",
        "dq": "IO_sdram_dq",
    }
    lines = {name: platform.request(port) for name, port in names.items()}
    return type("PackagedSdram", (), lines)()


def sdram_clock(platform: GenericPlatform, pins: SdramPins) -> Any:
    """Request the SDRAM's clock."""
    return platform.request("O_sdram_clk" if pins.in_package else "sdram_clock")


def _sdram(pins: SdramPins) -> Pads:
    lines = {
        "a": pins.address,
        "dq": pins.data,
        "ba": pins.bank,
        "dm": pins.mask,
        "ras_n": pins.row_strobe,
        "cas_n": pins.column_strobe,
        "we_n": pins.write_enable,
        "cs_n": pins.chip_select,
        "cke": pins.clock_enable,
    }
    wired = [Subsignal(name, Pins(places)) for name, places in lines.items() if places]
    return [
        ("sdram_clock", 0, Pins(pins.clock), _LVCMOS33, _FAST),
        ("sdram", 0, *wired, _LVCMOS33, _FAST),
    ]


def _packaged_sdram(chip: SdramChip) -> Pads:
    """Gowin's names; its tools know where they go."""
    outputs = {
        "O_sdram_clk": 1,
        "O_sdram_cke": 1,
        "O_sdram_cs_n": 1,
        "O_sdram_cas_n": 1,
        "O_sdram_ras_n": 1,
        "O_sdram_wen_n": 1,
        "O_sdram_dqm": chip.data_bits // 8,
        "O_sdram_addr": chip.address_bits,
        "O_sdram_ba": chip.bank_bits,
    }
    data = ("IO_sdram_dq", 0, Pins(chip.data_bits), _LVCMOS33)
    return [*((name, 0, Pins(width), _LVCMOS33) for name, width in outputs.items()), data]
