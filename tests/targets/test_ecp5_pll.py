import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from hw_templates.soc.fpga.ecp5.pll import clocks_hz, settings_for
from runners.fpga.ecp5 import ECP5

OSCILLATORS = (12_000_000, 25_000_000, 48_000_000, 100_000_000)
WANTED = st.sampled_from(OSCILLATORS).flatmap(
    lambda hz: st.tuples(st.just(hz), st.sampled_from(clocks_hz(hz)))
)


@settings(deadline=None)
@given(WANTED)
def test_every_clock_of_the_list_is_made_exactly_and_within_the_limits(
    wanted: tuple[int, int],
) -> None:
    reference_hz, clock_hz = wanted
    pll = settings_for(reference_hz, clock_hz)
    detector_hz = reference_hz / pll.input_divider
    oscillator_hz = detector_hz * pll.feedback_divider * pll.feedback_output_divider
    assert 10e6 <= detector_hz <= 400e6
    assert 400e6 <= oscillator_hz <= 800e6
    assert oscillator_hz / pll.output_divider == pytest.approx(float(pll.clock_hz))
    assert 3.125e6 <= detector_hz * pll.feedback_divider <= 400e6, "the feedback output"
    assert abs(pll.clock_hz - clock_hz) <= 0.5


@pytest.mark.parametrize("reference_hz", OSCILLATORS)
def test_clocks_are_near_each_other_where_designs_close(reference_hz: int) -> None:
    made = [clock for clock in clocks_hz(reference_hz) if 30e6 < clock < 120e6]
    assert list(clocks_hz(reference_hz)) == sorted(set(clocks_hz(reference_hz)))
    assert max(high / low for low, high in itertools.pairwise(made)) < 1.03


def test_a_clock_that_cannot_be_made_names_its_neighbours() -> None:
    with pytest.raises(ConfigError) as caught:
        settings_for(25_000_000, 63_000_000)
    assert "cannot make 63 MHz of 25 MHz" in caught.value.what
    assert caught.value.fix == "use clock_mhz = 62.5 or 63.541667"


def test_a_target_with_such_a_clock_is_refused_the_same_way() -> None:
    with pytest.raises(ConfigError, match="clock_mhz is 63, which the PLL of the family ecp5"):
        ECP5.require_clock(63_000_000, 25_000_000)
    ECP5.require_clock(62_500_000, 25_000_000)
