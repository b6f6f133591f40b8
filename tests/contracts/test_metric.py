"""What a definition gives to the values that are made with it."""

import pytest

from contracts.faults import Bug
from contracts.measurement import Fidelity, Metric
from contracts.metric import MetricDefinition

FMAX = MetricDefinition(
    name="fmax_mhz", unit="MHz", description="reached", since=Fidelity.PLACED, better="higher"
)


def test_a_value_has_the_name_and_unit_of_its_definition() -> None:
    assert FMAX.measured(62) == Metric(
        name="fmax_mhz", value=62.0, unit="MHz", fidelity=Fidelity.PLACED
    )
    on_board = FMAX.measured(62, fidelity=Fidelity.BOARD, estimate=True)
    assert (on_board.fidelity, on_board.estimate) == (Fidelity.BOARD, True)


def test_a_value_below_the_fidelity_of_its_definition_is_a_bug() -> None:
    with pytest.raises(
        Bug, match="fmax_mhz was measured at fidelity synthesised, below its placed"
    ):
        FMAX.measured(62, fidelity=Fidelity.SYNTHESISED)


def test_a_metric_is_there_from_its_fidelity_on() -> None:
    assert [each for each in Fidelity if FMAX.is_measured_at(each)] == ["placed", "board"]
