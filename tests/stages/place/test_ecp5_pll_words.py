"""The PLL of a routed ECP5 gets other dividers and phases, and nothing else of it changes."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import ToolCrashed
from hw_templates.soc.fpga.ecp5.pll import PllClocks, clocks_hz
from runners.fpga.ecp5_pll import clock_of, with_clock
from runners.fpga.family import ClockExchange
from tests.stages.routed_pll import routed_pll

OSCILLATORS = (12_000_000, 25_000_000, 48_000_000, 100_000_000)


def exchanges(*, phase_degrees: int | None, cfu_percent: int) -> st.SearchStrategy[ClockExchange]:
    """Return any two clocks of any oscillator."""

    def of(reference_hz: int) -> st.SearchStrategy[ClockExchange]:
        made = [each for each in clocks_hz(reference_hz, cfu_percent) if 13e6 < each < 300e6]
        return st.builds(
            ClockExchange,
            reference_hz=st.just(reference_hz),
            before_hz=st.sampled_from(made),
            after_hz=st.sampled_from(made),
            sdram_phase_degrees=st.just(phase_degrees),
            cfu_clock_percent=st.just(cfu_percent),
        )

    return st.sampled_from(OSCILLATORS).flatmap(of)


def routed(exchange: ClockExchange, clock_hz: int) -> str:
    """A routed design with such a PLL, and with words of other tiles around it."""
    return "\n".join(
        [
            ".device LFE5U-25F",
            "",
            ".tile R3C4:PLC2",
            "word: SLICEA.K0.INIT 0000000000000001",
            "",
            routed_pll(
                exchange.reference_hz,
                PllClocks(
                    clock_hz=clock_hz,
                    sdram_phase_degrees=exchange.sdram_phase_degrees,
                    cfu_clock_percent=exchange.cfu_clock_percent,
                ),
            ),
            "",
            ".bram_init 3",
            "000 0ff",
            "",
        ]
    )


def words_of(text: str) -> dict[str, int]:
    return {name: int(bits, 2) for name, bits in re.findall(r"word: (CLKO\w+) ([01]+)", text)}


@settings(deadline=None)
@given(
    st.tuples(st.sampled_from([None, 45, 90, 180]), st.sampled_from([100, 150, 200])).flatmap(
        lambda each: exchanges(phase_degrees=each[0], cfu_percent=each[1])
    )
)
def test_a_routed_pll_makes_any_other_clock_and_is_as_if_routed_with_it(
    exchange: ClockExchange,
) -> None:
    changed = with_clock(routed(exchange, exchange.before_hz), exchange)
    assert changed == routed(exchange, exchange.after_hz)
    assert abs(clock_of(changed, exchange.reference_hz) - exchange.after_hz) <= Fraction(1, 2)


@given(exchanges(phase_degrees=90, cfu_percent=100))
def test_the_sdrams_clock_stays_a_quarter_of_a_period_late(exchange: ClockExchange) -> None:
    words = words_of(with_clock(routed(exchange, exchange.before_hz), exchange))
    late = 8 * (words["CLKOS_CPHASE"] - words["CLKOP_CPHASE"]) + words["CLKOS_FPHASE"]
    assert Fraction(late, 8 * (words["CLKOS_DIV"] + 1)) == Fraction(1, 4)
    assert words["CLKOS_DIV"] == words["CLKOP_DIV"]


@given(st.sampled_from([150, 200]).flatmap(lambda p: exchanges(phase_degrees=90, cfu_percent=p)))
def test_the_cfus_clock_keeps_its_ratio_and_begins_with_the_system_clock(
    exchange: ClockExchange,
) -> None:
    words = words_of(with_clock(routed(exchange, exchange.before_hz), exchange))
    ratio = Fraction(words["CLKOP_DIV"] + 1, words["CLKOS2_DIV"] + 1)
    assert ratio == Fraction(exchange.cfu_clock_percent, 100)
    # an output that is not late waits for its own divider less one
    assert words["CLKOS2_CPHASE"] == words["CLKOS2_DIV"]
    assert words["CLKOS2_FPHASE"] == 0


def test_a_pll_that_is_not_set_as_it_was_built_is_refused() -> None:
    exchange = ClockExchange(reference_hz=25_000_000, before_hz=50_000_000, after_hz=40_000_000)
    text = routed(exchange, 75_000_000)
    with pytest.raises(ToolCrashed, match=r"the routed PLL has CLK\w+ \d+, not \d+"):
        with_clock(text, exchange)
    with pytest.raises(ToolCrashed, match="has 0 PLLs, not one"):
        with_clock(".device LFE5U-25F\n", exchange)
    with pytest.raises(ToolCrashed, match="has 2 PLLs, not one"):
        with_clock(text + text, exchange)
