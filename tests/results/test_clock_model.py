"""The estimate of the clock: exact where it can be, honest where it cannot."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.results.clock_model import MIN_TRIALS, PlacedClocks, clock_model, fit_clock
from dse.store import Sample

DESIGN = st.fixed_dictionaries(
    {
        "icache_bytes": st.sampled_from([0, 1024, 4096]),
        "bypass": st.booleans(),
        "cfu": st.sampled_from(["none", "simd"]),
    },
    optional={"simd_width": st.sampled_from([1, 4, 16])},
)
PLACED = st.lists(st.tuples(DESIGN, st.floats(10, 200)), min_size=MIN_TRIALS, max_size=12)


def test_too_few_trials_are_no_estimate() -> None:
    assert fit_clock([({"cfu": "none"}, 60.0)] * (MIN_TRIALS - 1)) is None


def test_a_clock_that_follows_a_parameter_is_found() -> None:
    def clock_mhz(size: int) -> float:
        return 80.0 - 2.0 * size.bit_length()

    sizes = [2**power - 1 for power in range(1, 12)]
    placed: list[tuple[dict[str, Value], float]] = [
        ({"icache_bytes": size, "bypass": size % 4 == 3}, clock_mhz(size)) for size in sizes
    ]
    model = fit_clock(placed)

    assert model is not None
    assert model.error_mhz < 0.5
    assert model.predict_mhz({"icache_bytes": 255, "bypass": True}) == pytest.approx(64.0, abs=0.5)


def test_clocks_without_a_pattern_give_the_mean_and_an_honest_error() -> None:
    clocks = [60.0, 66.0, 61.0, 65.0, 60.5, 65.5]
    placed: list[tuple[dict[str, Value], float]] = [
        ({"cfu": f"family{number}"}, clock) for number, clock in enumerate(clocks)
    ]
    model = fit_clock(placed)

    assert model is not None
    assert model.predict_mhz({"cfu": "other"}) == pytest.approx(63.0, abs=0.1)
    assert model.error_mhz > 2.0


@given(PLACED, DESIGN)
def test_a_prediction_stays_within_what_was_seen(
    placed: list[tuple[dict[str, Value], float]], design: dict[str, Value]
) -> None:
    model = fit_clock(placed)

    assert model is not None
    clocks = [clock for _, clock in placed]
    assert min(clocks) <= model.predict_mhz(design) <= max(clocks)
    assert model.error_mhz >= 0


def test_each_value_of_a_choice_has_a_clock_of_its_own() -> None:
    clocks = {"none": 80.0, "simd": 60.0, "engine": 45.0}
    placed: list[tuple[dict[str, Value], float]] = [
        ({"cfu": cfu, "bypass": bypass}, clock + (2.0 if bypass else -2.0))
        for cfu, clock in clocks.items()
        for bypass in (False, True)
        for _ in range(4)
    ]
    model = fit_clock(placed)

    assert model is not None
    assert model.trials == 24
    assert not model.is_one_clock
    assert model.error_mhz < 1.0
    for design, clock_mhz in placed:
        assert model.predict_mhz(design) == pytest.approx(clock_mhz, abs=1.5)
    assert model.range_mhz == (43.0, 82.0)


def test_the_error_is_that_of_each_one_predicted_from_the_others() -> None:
    """With the same penalty throughout; the smallest error of all penalties is told."""
    sizes = (0, 1, 3, 7, 15, 31)
    clocks = (80.0, 75.0, 72.0, 74.0, 60.0, 55.0)
    model = fit_clock([({"size": size}, mhz) for size, mhz in zip(sizes, clocks, strict=True)])

    x, y = np.log2(1 + np.array(sizes)), np.array(clocks)
    x = (x - x.mean()) / x.std()
    errors = []
    for penalty in (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1e9):
        left_out = []
        for at in range(len(x)):
            others = np.arange(len(x)) != at
            rows = np.column_stack([np.ones(len(x)), x])  # the mean is held back by nothing
            inner = rows[others].T @ rows[others] + np.diag([0.0, penalty])
            weights = np.linalg.solve(inner, rows[others].T @ y[others])
            left_out.append(abs(y[at] - rows[at] @ weights))
        errors.append(np.mean(left_out))
    assert model is not None
    assert model.error_mhz == pytest.approx(min(errors), rel=1e-9)


@given(PLACED, st.lists(DESIGN, min_size=1, max_size=6))
def test_many_designs_are_predicted_as_each_of_them(
    placed: list[tuple[dict[str, Value], float]], designs: list[dict[str, Value]]
) -> None:
    model = fit_clock(placed)
    assert model is not None
    names = sorted({name for design in designs for name in design})
    parameters = {}
    for name in names:
        values = tuple({repr(d[name]): d[name] for d in designs if name in d}.values())
        texts = [repr(value) for value in values]
        codes = [texts.index(repr(d[name])) if name in d else -1 for d in designs]
        parameters[name] = (values, np.array(codes, dtype=np.int16))
    found = model.predict_all_mhz(parameters, count=len(designs))
    assert found == pytest.approx([model.predict_mhz(design) for design in designs], abs=1e-6)


@dataclass
class OneRead:
    """A reader that has these samples of one trial each, once."""

    samples_left: list[Sample]
    asked: list[object] = field(default_factory=list)

    def samples(
        self, metric: str, *, target: object, seen: dict[int, int]
    ) -> tuple[dict[int, int], tuple[Sample, ...]]:
        self.asked.append((metric, target, seen))
        found, self.samples_left = tuple(self.samples_left), []
        return {1: len(self.asked)}, found


def sample(trial: int, width: int, clock_mhz: float, fidelity: Fidelity) -> Sample:
    text = f'{{"schema":1,"values":{{"width":{width}}}}}'
    return Sample(trial_id=trial, design_json=text, value=clock_mhz, fidelity=fidelity)


def test_clocks_are_learned_from_placed_designs_alone_and_each_is_read_once() -> None:
    placed = [
        sample(n, n, 50.0 + n, Fidelity.BOARD if n == 3 else Fidelity.PLACED) for n in (1, 2, 3)
    ]
    guessed = [sample(4, 4, 99.0, Fidelity.SIMULATED), sample(5, 5, 99.0, Fidelity.SYNTHESISED)]
    broken = [Sample(trial_id=6, design_json="{", value=1.0, fidelity=Fidelity.PLACED)]
    reader = OneRead([*guessed, *broken, *placed[:2]])
    config = SimpleNamespace(
        resolved={"target": {"board": "b"}}, target=SimpleNamespace(clock_policy="achieved")
    )
    clocks = PlacedClocks()

    assert clocks.update(reader, config)  # type: ignore[arg-type]
    assert clocks.model is None, "two are too few"
    assert not clocks.update(reader, config)  # type: ignore[arg-type]
    reader.samples_left = placed[2:]
    assert clocks.update(reader, config)  # type: ignore[arg-type]
    assert clocks.model is not None
    assert (clocks.model.trials, clocks.model.range_mhz) == (3, (51.0, 53.0))
    assert reader.asked == [("clock_mhz", {"board": "b"}, seen) for seen in ({}, {1: 1}, {1: 2})]

    reader.samples_left = list(placed)
    learned = clock_model(reader, config)  # type: ignore[arg-type]
    assert learned is not None
    assert learned.range_mhz == (51.0, 53.0)
    config.target.clock_policy = "pinned"
    reader.samples_left = list(placed)
    assert clock_model(reader, config) is None  # type: ignore[arg-type]


def test_designs_that_met_all_that_was_asked_have_one_clock() -> None:
    model = fit_clock([({"size": size}, 60.0) for size in (1, 2, 4)])
    assert model is not None
    assert model.is_one_clock
    assert model.error_mhz == pytest.approx(0.0, abs=1e-9)
    assert model.predict_mhz({"size": 99}) == 60.0


def test_a_parameter_that_never_varies_is_no_feature_however_its_deviation_is_rounded() -> None:
    for count in range(3, 60):
        placed = [({"icache_bytes": 1024 + 8, "width": n}, 60.0 + n % 7) for n in range(count)]
        model = fit_clock(placed)
        assert model is not None
        assert model.names == ("width",)
