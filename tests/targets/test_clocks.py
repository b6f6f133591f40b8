"""The exact clocks of the families' PLLs: within limits, and neighbours named."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import ConfigError
from hw_templates.soc.fpga.gatemate import pll as gatemate_pll
from hw_templates.soc.fpga.gowin import pll as gowin_pll
from hw_templates.soc.fpga.ice40 import pll as ice40_pll
from hw_templates.soc.fpga.nexus import pll as nexus_pll
from hw_templates.soc.fpga.xilinx7 import pll as xilinx7_pll

GOWIN_LIMITS = {"GW1N": (400e6, 900e6), "GW2A": (500e6, 1250e6)}


@given(st.sampled_from(ice40_pll.clocks_hz(12_000_000)))
def test_an_ice40_makes_its_clock_exactly(clock_hz: int) -> None:
    clock = ice40_pll.clock_for(12_000_000, clock_hz)
    if clock.counted_divider:
        assert clock_hz * clock.counted_divider == 12_000_000
        return
    oscillator_hz = Fraction(12_000_000, clock.divr + 1) * (clock.divf + 1)
    assert 533e6 <= oscillator_hz <= 1066e6
    assert round(oscillator_hz / 2**clock.divq) == clock_hz >= 16_000_000
    assert clock.filter_range == 1


def test_an_ice40_below_its_pll_runs_at_parts_of_its_oscillator() -> None:
    slow = [hz for hz in ice40_pll.clocks_hz(48_000_000) if hz < 16_000_000]
    assert slow == [6_000_000, 12_000_000]


@pytest.mark.parametrize("series", GOWIN_LIMITS)
def test_a_gowin_makes_its_clock_exactly(series: str) -> None:
    low, high = GOWIN_LIMITS[series]
    for clock_hz in gowin_pll.clocks_hz(series, 27_000_000):
        clock = gowin_pll.clock_for(series, 27_000_000, clock_hz)
        made_hz = Fraction(27_000_000 * clock.feedback_divider, clock.input_divider)
        assert round(made_hz) == clock_hz
        assert low <= made_hz * clock.output_divider <= high
        assert 27_000_000 / clock.input_divider >= 3_000_000


def test_a_device_of_another_series_has_no_known_pll() -> None:
    assert gowin_pll.series_of("GW2AR-LV18QN88C8/I7") == "GW2A"
    with pytest.raises(ConfigError, match="nothing is known of the PLL of 'GW5A-25'"):
        gowin_pll.series_of("GW5A-25")


@given(st.sampled_from(nexus_pll.clocks_hz(12_000_000)))
def test_a_nexus_makes_its_clock_exactly(clock_hz: int) -> None:
    clock = nexus_pll.clock_for(12_000_000, clock_hz)
    oscillator_hz = 12_000_000 * clock.feedback_divider
    assert 800e6 <= oscillator_hz <= 1600e6
    assert round(Fraction(oscillator_hz, clock.output_divider)) == clock_hz


@given(
    st.sampled_from((10_000_000, 25_000_000)).flatmap(
        lambda reference_hz: st.tuples(
            st.just(reference_hz), st.sampled_from(gatemate_pll.clocks_hz(reference_hz))
        )
    )
)
def test_a_gatemate_makes_its_clock_exactly(clocks_hz: tuple[int, int]) -> None:
    reference_hz, clock_hz = clocks_hz
    clock = gatemate_pll.clock_for(reference_hz, clock_hz)
    oscillator_hz = 2 * reference_hz * clock.feedback_divider
    assert 1.1e9 <= oscillator_hz <= 1.9e9
    assert Fraction(oscillator_hz, 4 * clock.output_divider) == clock_hz
    assert clock.output_divider % 2 == 0, "its phases of 90 degrees need that"
    assert f"{clock_hz / 1e6:.4f}" == f"{clock_hz / 1e6:.6f}".removesuffix("00"), "as it is told"


def test_a_gatemate_has_a_range_of_oscillators() -> None:
    assert {25_000_000, 50_000_000} <= set(gatemate_pll.clocks_hz(10_000_000))
    assert gatemate_pll.clocks_hz(100_000_000) == ()


@given(st.sampled_from(xilinx7_pll.clocks_hz(100_000_000)))
def test_a_xilinx_7_makes_its_clock_exactly(clock_hz: int) -> None:
    clock = xilinx7_pll.clock_for(100_000_000, clock_hz)
    detector_hz = Fraction(100_000_000, clock.input_divider)
    assert 19e6 <= detector_hz <= 450e6
    assert 2 <= clock.feedback_divider <= 64
    assert 800e6 <= detector_hz * clock.feedback_divider <= 1600e6
    assert 1 <= clock.output_divider <= 128
    assert round(detector_hz * clock.feedback_divider / clock.output_divider) == clock_hz


def test_a_xilinx_7_prefers_a_fast_phase_detector() -> None:
    assert xilinx7_pll.clock_for(100_000_000, 75_000_000).input_divider == 1
    assert {50_000_000, 75_000_000, 100_000_000} <= set(xilinx7_pll.clocks_hz(100_000_000))
    assert xilinx7_pll.clocks_hz(12_000_000) == (), "below what its phase detector compares"


@pytest.mark.parametrize(
    ("clocks", "low", "high"),
    [
        (ice40_pll.clocks_hz(12_000_000), 16e6, 33e6),
        (gowin_pll.clocks_hz("GW1N", 27_000_000), 20e6, 60e6),
        (gowin_pll.clocks_hz("GW2A", 27_000_000), 30e6, 90e6),
        (nexus_pll.clocks_hz(12_000_000), 30e6, 100e6),
        (gatemate_pll.clocks_hz(10_000_000), 12e6, 100e6),
        (xilinx7_pll.clocks_hz(100_000_000), 30e6, 200e6),
    ],
)
def test_clocks_are_near_each_other_where_designs_close(
    clocks: tuple[int, ...], low: float, high: float
) -> None:
    near = [clock for clock in clocks if low <= clock <= high]
    assert list(clocks) == sorted(set(clocks))
    assert max(b / a for a, b in itertools.pairwise(near)) < 1.13


def test_a_clock_that_cannot_be_made_names_its_neighbours() -> None:
    with pytest.raises(ConfigError) as caught:
        ice40_pll.clock_for(12_000_000, 14_000_000)
    assert "cannot make 14 MHz of 12 MHz" in caught.value.what
    assert caught.value.fix == "use clock_mhz = 12 or 16.125"
