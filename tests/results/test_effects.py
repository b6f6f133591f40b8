"""What is said of a parameter is no chance: shuffled values are silence; an effect counts once."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from dse.dashboard.example import unpack
from dse.results.columns import ABSENT, Parameter, StudyColumns
from dse.results.effects import LEAST_TRIALS, effects
from dse.results.study_results import study_columns
from dse.store import Reader


@pytest.fixture(scope="module", params=["imgc", "table"])
def columns(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StudyColumns]:
    with Reader(unpack(tmp_path_factory.mktemp("effects") / "example.db")) as reader:
        yield study_columns(reader, request.param)


def everything(columns: StudyColumns) -> np.ndarray:
    return np.ones(len(columns), dtype=np.bool_)


def with_values(columns: StudyColumns, values: np.ndarray) -> StudyColumns:
    metric = replace(columns.metrics["lut4"], values=values)
    return replace(columns, metrics={**columns.metrics, "lut4": metric})


def test_values_dealt_out_at_random_are_silence(columns: StudyColumns) -> None:
    generator = np.random.default_rng(1)
    values = columns.column("lut4")
    has = np.isfinite(values)
    for _ in range(25):
        dealt = values.copy()
        dealt[has] = generator.permutation(values[has])
        found = effects(with_values(columns, dealt), "lut4", everything(columns))
        assert found.told == ()
        assert set(found.untold) == set(columns.varying)
        assert found.trials == has.sum()
    for noise in (generator.normal(size=len(values)), generator.lognormal(0, 3, len(values))):
        assert effects(with_values(columns, noise), "lut4", everything(columns)).told == ()


def test_an_effect_that_there_is_is_told_with_its_share(columns: StudyColumns) -> None:
    codes = columns.parameters["icache_bytes"].codes
    noise = np.random.default_rng(2).normal(size=len(columns))
    made = effects(with_values(columns, 10.0 * codes + noise), "lut4", everything(columns))
    assert [effect.parameter for effect in made.told] == ["icache_bytes"]
    assert made.told[0].share > 0.8
    exact = effects(with_values(columns, 10.0 * codes), "lut4", everything(columns))
    assert [(e.parameter, round(e.share, 6)) for e in exact.told] == [("icache_bytes", 1.0)]


def test_parameters_that_come_together_are_one_effect(columns: StudyColumns) -> None:
    first = columns.parameters["icache_bytes"]
    twin = Parameter(name="twin", values=first.values[::-1], codes=first.codes.max() - first.codes)
    both = replace(columns, parameters={**columns.parameters, "twin": twin})
    noise = np.random.default_rng(3).normal(size=len(columns))
    found = effects(with_values(both, 10.0 * first.codes + noise), "lut4", everything(columns))
    (effect,) = found.told
    assert {effect.parameter, *effect.together} == {"icache_bytes", "twin"}
    assert "twin" not in found.untold


def test_having_a_parameter_is_not_its_effect(columns: StudyColumns) -> None:
    codes = columns.parameters["simd_width"].codes
    assert (codes == ABSENT).any()
    noise = np.random.default_rng(4).normal(size=len(columns))
    found = effects(
        with_values(columns, 50.0 * (codes == ABSENT) + noise), "lut4", everything(columns)
    )
    assert [effect.parameter for effect in found.told] == ["cfu"]


def test_few_trials_say_nothing(columns: StudyColumns) -> None:
    few = np.arange(len(columns)) < LEAST_TRIALS - 1
    exact = with_values(columns, 10.0 * columns.parameters["icache_bytes"].codes)
    found = effects(exact, "lut4", few)
    assert (found.told, found.trials) == ((), LEAST_TRIALS - 1)


def test_a_metric_that_is_the_same_everywhere_has_no_effects(columns: StudyColumns) -> None:
    same = with_values(columns, np.full(len(columns), 7.3))
    assert effects(same, "lut4", everything(columns)).told == ()
