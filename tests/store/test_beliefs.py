"""What was believed of a design is kept with its trial, and read with it."""

from contracts.belief import EXPECTED_GAIN, Belief, Prediction
from contracts.measurement import Fidelity
from dse.store import NewTrial, Reader, Store
from tests.store.store_fixtures import new_study, new_trials

BELIEF = Belief(
    reason=EXPECTED_GAIN,
    predictions=(
        Prediction(metric="latency_us", middle=5.5, low=4.0, high=7.5),
        Prediction(metric="lut4", middle=900.0, low=850.0, high=1000.0),
    ),
    feasible=0.75,
    gain=0.02,
    cost_s=12.5,
)


def queued(store: Store, *, number: int, belief: Belief | None, promotes: int | None = None) -> int:
    (trial,) = store.add_trials(
        store.study("one").id,
        [
            NewTrial(
                design_id=f"design{number}",
                design_json=f'{{"schema":1,"values":{{"width":{number}}}}}',
                suggested_by="vizier",
                fidelity=Fidelity.PLACED if promotes else Fidelity.SYNTHESISED,
                promotes=promotes,
                belief=belief,
            )
        ],
        context="here",
        budget=None,
        now_s=1.0,
    )
    return trial.id


def test_a_belief_comes_back_as_it_was(store: Store) -> None:
    study = new_study(store)
    queued(store, number=1, belief=BELIEF)
    queued(store, number=2, belief=Belief(reason="by hand"))
    queued(store, number=3, belief=None)
    found = [store.detail(study, number).belief for number in (1, 2, 3)]
    assert found == [BELIEF, Belief(reason="by hand"), None]
    assert store.beliefs(study.id, most=10) == {1: BELIEF, 2: Belief(reason="by hand")}
    with Reader(store.place) as reader:
        assert reader.beliefs(study.id, most=10) == store.beliefs(study.id, most=10)


def test_a_promotion_shows_what_was_believed_of_its_design(store: Store) -> None:
    study = new_study(store)
    first = queued(store, number=1, belief=BELIEF)
    queued(store, number=1, belief=None, promotes=first)
    assert store.detail(study, 2).belief == BELIEF
    assert list(store.beliefs(study.id, most=10)) == [1]


def test_only_the_newest_are_read_and_of_one_study(store: Store) -> None:
    study, other = new_study(store), new_study(store, "two")
    new_trials(store, other, 3, first=100)
    for number in range(1, 9):
        gain = None if number == 8 else number / 100
        queued(store, number=number, belief=Belief(reason="x", gain=gain))
    assert list(store.beliefs(study.id, most=3)) == [6, 7, 8]
    assert store.gains(study.id, most=3) == (0.07, 0.06, 0.05)
    assert store.gains(other.id, most=3) == ()
    assert store.beliefs(other.id, most=3) == {}


def test_importance_is_that_of_the_last_model(store: Store) -> None:
    study = new_study(store)
    assert study.importance_json is None
    store.describe_importance(study.id, {"lut4": {"width": 0.5}})
    store.describe_importance(study.id, {"lut4": {"width": 0.75}})
    assert store.study("one").importance_json == '{"lut4": {"width": 0.75}}'
