"""A placed trial that is measured again gets the clock and the seed that it had."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.faults import TimingMissed
from contracts.measurement import Fidelity, Placement
from runners.job import Job, Target, Workload
from runners.measuring.clock import as_routed_before, settle_clock
from tests.stages.place.test_settled_after_routing import routed

TARGET = Target(
    name="ulx3s_85f",
    part="LFE5U-85F",
    clock_hz=50_000_000,
    clock_range_hz=(40_000_000, 80_000_000),
    place_seeds=6,
)
JOB = Job(
    design={},
    target=TARGET,
    workload=Workload(model=Path(), model_sha256=""),
    fidelity=Fidelity.PLACED,
)


def place(job: Job, fmax_hz: list[float]) -> tuple[Placement | None, list[Placement]]:
    """Return the route that counts, None for none, and all of them."""
    tried: list[Placement] = []
    try:
        found = settle_clock(
            job.target,
            lambda clock_hz, seed: routed(clock_hz, fmax_hz[seed - 1], seed=seed),
            tried=tried,
            wanted_hz=job.wanted_clock_hz,
        )
    except TimingMissed:
        return None, tried
    return found, tried


@settings(deadline=None, max_examples=300)
@example([58e6, 56e6, 61e6, 70e6, 70e6, 70e6], 60_000_000)  # the third seed brought what was wanted
@example([58e6, 55e6, 57e6, 56e6, 79e6, 79e6], 60_000_000)  # stopped where no hope was left
@given(st.lists(st.floats(30e6, 90e6), min_size=6, max_size=6), st.integers(0, 95_000_000))
def test_the_same_seeds_are_tried_whatever_was_wanted(fmax_hz: list[float], wanted_hz: int) -> None:
    first = place(replace(JOB, wanted_clock_hz=wanted_hz), fmax_hz)
    assert place(as_routed_before(JOB, first[1]), fmax_hz) == first


def test_without_the_earlier_routes_another_seed_counts() -> None:
    """The fault that this mends: `rerun` said that such a trial does not reproduce."""
    fmax_hz = [58e6, 56e6, 61e6, 70e6, 70e6, 70e6]
    found, tried = place(JOB, fmax_hz)
    assert found is not None
    assert (found.seed, len(tried)) == (1, 1)


@pytest.mark.parametrize(
    "tried",
    [
        [],
        [routed(50_000_000, 60e6, seed=seed, is_met=True) for seed in (1, 1, 2)],  # of two clocks
        [routed(50_000_000, 60e6, seed=2, is_met=True)],
    ],
)
def test_a_trial_that_was_not_placed_seed_by_seed_is_asked_for_as_it_was(
    tried: list[Placement],
) -> None:
    assert as_routed_before(JOB, tried) == JOB
