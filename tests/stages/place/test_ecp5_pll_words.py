"""The PLL of a routed ECP5 gets other dividers and phases, and nothing else of it changes."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import ToolCrashed
from hw_templates.soc.fpga.ecp5.pll import clocks_hz
from runners.fpga.ecp5_pll import clock_of, with_clock
from runners.fpga.family import ClockExchange
from tests.stages.routed_pll import routed_pll

OSCILLATORS = (12_000_000, 25_000_000, 48_000_000, 100_000_000)
CLOCKS = st.sampled_from(OSCILLATORS).flatmap(
    lambda hz: st.tuples(
        st.just(hz), *[st.sampled_from([c for c in clocks_hz(hz) if 13e6 < c < 300e6])] * 2
    )
)


def routed(reference_hz: int, clock_hz: int, phases: tuple[int, ...]) -> str:
    """A routed design with such a PLL, and with words of other tiles around it."""
    return "\n".join(
        [
            ".device LFE5U-25F",
            "",
            ".tile R3C4:PLC2",
            "word: SLICEA.K0.INIT 0000000000000001",
            "",
            routed_pll(reference_hz, clock_hz, phases),
            "",
            ".bram_init 3",
            "000 0ff",
            "",
        ]
    )


@settings(deadline=None)
@given(CLOCKS, st.sampled_from([(0,), (0, 90), (0, 180), (0, 45, 270)]))
def test_a_routed_pll_makes_any_other_clock_and_is_as_if_routed_with_it(
    wanted: tuple[int, int, int], phases: tuple[int, ...]
) -> None:
    reference_hz, before_hz, after_hz = wanted
    exchange = ClockExchange(
        reference_hz=reference_hz, before_hz=before_hz, after_hz=after_hz, phases_degrees=phases
    )
    changed = with_clock(routed(reference_hz, before_hz, phases), exchange)
    assert changed == routed(reference_hz, after_hz, phases)
    assert abs(clock_of(changed, reference_hz) - after_hz) <= Fraction(1, 2)


@given(CLOCKS)
def test_the_sdrams_clock_stays_a_quarter_of_a_period_late(wanted: tuple[int, int, int]) -> None:
    reference_hz, before_hz, after_hz = wanted
    exchange = ClockExchange(
        reference_hz=reference_hz, before_hz=before_hz, after_hz=after_hz, phases_degrees=(0, 90)
    )
    text = with_clock(routed(reference_hz, before_hz, (0, 90)), exchange)
    words = {name: int(bits, 2) for name, bits in re.findall(r"word: (CLKO\w+) ([01]+)", text)}
    late = 8 * (words["CLKOS_CPHASE"] - words["CLKOP_CPHASE"]) + words["CLKOS_FPHASE"]
    assert Fraction(late, 8 * (words["CLKOS_DIV"] + 1)) == Fraction(1, 4)
    assert words["CLKOS_DIV"] == words["CLKOP_DIV"]


def test_a_pll_that_is_not_set_as_it_was_built_is_refused() -> None:
    text = routed(25_000_000, 75_000_000, (0,))
    exchange = ClockExchange(
        reference_hz=25_000_000, before_hz=50_000_000, after_hz=40_000_000, phases_degrees=(0,)
    )
    with pytest.raises(ToolCrashed, match=r"the routed PLL has CLK\w+ \d+, not \d+"):
        with_clock(text, exchange)
    with pytest.raises(ToolCrashed, match="has 0 PLLs, not one"):
        with_clock(".device LFE5U-25F\n", exchange)
    with pytest.raises(ToolCrashed, match="has 2 PLLs, not one"):
        with_clock(text + text, exchange)
