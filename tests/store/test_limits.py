"""The same limit twice in one stage is a result; anything less is not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import DseError, Fault, FaultKind, OutOfMemory, ToolTimeout
from contracts.measurement import Measurement, outcome_of
from dse.store import AttemptRecord, Store, TrialState
from dse.store.limits import fault_of_design
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials

RESULT = {
    FaultKind.TOOL_TIMEOUT: FaultKind.TOO_SLOW_TO_BUILD,
    FaultKind.OUT_OF_MEMORY: FaultKind.TOO_LARGE_TO_BUILD,
}
FAULTS = st.builds(
    Fault,
    kind=st.sampled_from([*RESULT, FaultKind.TOOL_CRASHED, FaultKind.CANCELLED]),
    what=st.just("nextpnr was stopped"),
    fix=st.just("-"),
    stage=st.sampled_from(["synthesise-soc", "place-and-route", None]),
    is_own_limit=st.booleans(),
)


def attempt(number: int, fault: Fault) -> AttemptRecord:
    return AttemptRecord(
        id=number,
        trial_id=1,
        number=number,
        worker="w",
        started_s=0,
        heartbeat_s=0,
        lease_until_s=0,
        stage=fault.stage,
        stage_since_s=0,
        ended_s=1,
        outcome=TrialState.FAILED,
        kind=fault.kind,
        what=fault.what,
        fix=fault.fix,
        detail=fault.detail,
        is_own_limit=fault.is_own_limit,
    )


@given(FAULTS, st.lists(FAULTS, max_size=4))
def test_a_limit_is_a_result_exactly_when_the_program_itself_met_it_there_before(
    fault: Fault, before: Sequence[Fault]
) -> None:
    result = fault_of_design(fault, [attempt(n, old) for n, old in enumerate(before, start=1)])
    by_itself = fault.is_own_limit and fault.stage is not None and fault.kind in RESULT
    if by_itself and fault in before:
        assert result is not None
        assert result.kind is RESULT[fault.kind]
        assert fault.stage is not None
        assert fault.stage in result.what
        assert (result.stage, result.is_own_limit) == (fault.stage, True)
    else:
        assert result is None


@pytest.mark.parametrize("numbers", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_a_result_names_the_newest_attempt_that_met_the_limit_in_whatever_order(
    numbers: Sequence[int],
) -> None:
    def met(number: int) -> Fault:
        return Fault(
            kind=FaultKind.TOOL_TIMEOUT,
            what=f"stopped for the time no. {number}",
            fix="-",
            stage="place-and-route",
            is_own_limit=True,
        )

    result = fault_of_design(met(4), [attempt(number, met(number)) for number in numbers])
    assert result is not None
    assert "in attempt 3 and again: stopped for the time no. 4" in result.what
    assert (result.detail or "").startswith("attempt 3: stopped for the time no. 3")


def at_limit(
    error: DseError, *, stage: str = "place-and-route", is_own_limit: bool = True
) -> DseError:
    error.stage, error.is_own_limit = stage, is_own_limit
    return error


def slow() -> DseError:
    return ToolTimeout("nextpnr was stopped after 900 s", fix="-", detail="it used 880 s")


def large() -> DseError:
    return OutOfMemory("yosys used more than 8192 MiB", fix="-", detail="it had 8200 MiB")


def fail(store: Store, error: DseError) -> TrialState | None:
    claim = store.claim(store.study("one").id, worker="w", now_s=200, lease_s=60)
    assert claim is not None
    outcome = outcome_of(error, Measurement(metrics=()))
    return store.finish(claim.attempt_id, outcome, now_s=200, retry=NO_WAIT)


@pytest.fixture
def store(store: Store) -> Store:
    new_trials(store, new_study(store), 1)
    return store


@pytest.mark.parametrize(
    ("make", "kind"), [(slow, "too-slow-to-build"), (large, "too-large-to-build")]
)
def test_the_second_time_is_stored_as_infeasible_with_the_evidence_of_both(
    store: Store, make: type[DseError], kind: str
) -> None:
    assert fail(store, at_limit(make())) is TrialState.WAITING  # type: ignore[call-arg]
    assert fail(store, at_limit(make())) is TrialState.INFEASIBLE  # type: ignore[call-arg]

    detail = store.detail(store.study("one"), 1)
    first, second = detail.attempts
    assert (first.outcome, second.outcome) == (TrialState.FAILED, TrialState.INFEASIBLE)
    assert (first.stage, second.stage) == ("place-and-route", "place-and-route")
    assert second.kind == kind
    assert (second.detail or "").count("it ") == 2
    assert detail.result.kind == kind
    assert store.requeue(store.study("one").id, context="here", now_s=300) == 0


def test_a_busy_machine_or_another_stage_is_no_reason(store: Store) -> None:
    assert fail(store, at_limit(slow(), is_own_limit=False)) is TrialState.WAITING
    assert fail(store, at_limit(slow())) is TrialState.WAITING
    assert fail(store, at_limit(slow(), stage="simulator")) is TrialState.FAILED


def test_a_limit_of_one_study_is_not_a_result_of_another(store: Store) -> None:
    fail(store, at_limit(slow()))
    fail(store, at_limit(slow()))
    other = new_study(store, "other")
    new_trials(store, other, 1)
    assert store.reuse_results(other.id, now_s=300) == ()
    claim = store.claim(other.id, worker="w", now_s=300, lease_s=60)
    assert claim is not None
    store.finish(claim.attempt_id, completed(), now_s=300, retry=NO_WAIT)
    third = new_study(store, "third")
    new_trials(store, third, 1)
    (reused,) = store.reuse_results(third.id, now_s=300)
    assert reused.state is TrialState.COMPLETED
