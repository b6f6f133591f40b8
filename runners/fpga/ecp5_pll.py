"""The PLL in a routed ECP5, as Project Trellis' text format writes it: read, and set anew.

The dividers of an EHXPLLL are plain words of its tiles, numbers in binary: dividers less one.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from contracts.faults import ToolCrashed
from hw_templates.soc.fpga.ecp5 import pll
from runners.fpga.family import ClockExchange

_WORD = re.compile(r"^word: (CLK\w+) ([01]+)$", re.MULTILINE)
_IS_PLL = "enum: MODE EHXPLLL"
_FIX = "check the version of nextpnr: make setup"


def with_clock(placed: str, exchange: ClockExchange) -> str:
    """Return a routed design with a PLL that makes another clock.

    Raises:
        ToolCrashed: There is not exactly one PLL, or it is not set to ``exchange.before_hz``.
        ConfigError: The PLL cannot make one of the clocks.
    """
    start, end = _section(placed)
    text = placed[start:end]
    before, after = (
        _words(exchange, clock_hz) for clock_hz in (exchange.before_hz, exchange.after_hz)
    )
    found = _numbers(text)
    for name, number in before.items():
        if found.get(name) != number:
            raise ToolCrashed(
                f"the routed PLL has {name} {found.get(name)}, not {number} as it was built for"
                f" {exchange.before_hz / 1e6:.8g} MHz",
                fix=_FIX,
            )

    def exchanged(line: re.Match[str]) -> str:
        number = after.get(line[1])
        return line[0] if number is None else f"word: {line[1]} {number:0{len(line[2])}b}"

    text = _WORD.sub(exchanged, text)
    return placed[:start] + text + placed[end:]


def clock_of(text: str, reference_hz: int) -> Fraction:
    """Return the system clock in Hz that the PLL of a design makes of an oscillator.

    Args:
        text: A routed design, or a bitstream that ``ecpunpack`` read back: that leaves out words
            that are zero.
        reference_hz: Of the board's oscillator.

    Raises:
        ToolCrashed: There is not exactly one PLL in the text.
    """
    _section(text)
    numbers = _numbers(text)
    dividers = {name: numbers.get(f"CLK{name}_DIV", 0) + 1 for name in ("I", "FB", "OP", "OS3")}
    loop = dividers["FB"] * dividers["OS3"]
    return Fraction(reference_hz * loop, dividers["I"] * dividers["OP"])


def _words(exchange: ClockExchange, clock_hz: int) -> Mapping[str, int]:
    """Return the words of a PLL that follow the clock, by name, as they are in the text."""
    clocks = pll.PllClocks(
        clock_hz=clock_hz,
        sdram_phase_degrees=exchange.sdram_phase_degrees,
        cfu_clock_percent=exchange.cfu_clock_percent,
    )
    settings = pll.settings_for(exchange.reference_hz, clock_hz, exchange.cfu_clock_percent)
    words = {
        "CLKI_DIV": settings.input_divider - 1,
        "CLKFB_DIV": settings.feedback_divider - 1,
    }
    for output in pll.outputs(settings, clocks):
        words[f"CLK{output.name}_DIV"] = output.divider - 1
        words[f"CLK{output.name}_CPHASE"] = output.coarse
        words[f"CLK{output.name}_FPHASE"] = output.fine
    return words


def _numbers(section: str) -> Mapping[str, int]:
    return {found[1]: int(found[2], 2) for found in _WORD.finditer(section)}


def _section(placed: str) -> tuple[int, int]:
    """Return where the section of the only PLL begins and ends."""
    count = placed.count(_IS_PLL)
    if count != 1:
        raise ToolCrashed(f"the routed design has {count} PLLs, not one", fix=_FIX)
    at = placed.index(_IS_PLL)
    start, end = placed.rfind("\n\n", 0, at), placed.find("\n\n", at)
    return start + 1, end if end >= 0 else len(placed)
