"""Studies by Vizier's public API: spaces there and back, and our search for any Vizier user."""

import json
import random
from collections.abc import Callable

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Rule
from dse.space import Space
from dse.suggest import make_suggester
from tests.suggest.quiet_vizier import vizier, vz, vza
from tests.suggest.small_study import small_space

# isort: split
from dse.suggest.vizier_api.designer import NAMESPACE, FiniteDesigner
from dse.suggest.vizier_api.foreign_space import ForeignSpace
from dse.suggest.vizier_api.search_space import design_of, search_space, vizier_parameters

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def nested_space() -> Space:
    """A condition below a condition, one on two parameters, kinds of all sorts, and a rule."""
    kinds = ("none", "simd", "engine")
    unit = Condition(parameter="cfu", values=("simd", "engine"))
    return Space(
        (
            Parameter(name="bypass", values=(False, True), default=True, description=""),
            Parameter(name="cfu", values=kinds, default="none", description=""),
            Parameter(name="width", values=(1, 2, 8), default=2, description="", ordered=True,
                      when=(unit,)),
            Parameter(name="buffer", values=(0, 64), default=64, description="", ordered=True,
                      when=(Condition(parameter="width", values=(2, 8)),)),
            Parameter(name="fast", values=("O2", "O3"), default="O3", description="", ordered=True,
                      when=(Condition(parameter="bypass", values=(True,)), unit)),
            Parameter(name="ways", values=(4, 2, 1), default=2, description=""),
            Parameter(name="fixed", values=(7,), default=7, description="", ordered=True),
        ),
        (
            Rule(name="wide", reason="8 is for engines", parameters=("cfu", "width"),
                 holds=lambda v: v.get("width") != 8 or v["cfu"] == "engine"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("make", [small_space, nested_space])
def test_a_design_comes_back_from_its_vizier_parameters(make: Callable[[], Space]) -> None:
    space = make()
    found = search_space(space)
    assert found.is_conditional
    seen = set()
    for design in space.enumerate():
        told = vizier_parameters(space, design)
        assert design_of(space, told) == design
        assert design_of(space, vz.Trial(parameters=told).parameters.as_dict()) == design
        seen.add(json.dumps(told, sort_keys=True))
    assert len(seen) == space.count()


@pytest.mark.parametrize("make", [small_space, nested_space])
def test_vizier_walks_exactly_the_parameters_that_a_design_has_there(
    make: Callable[[], Space],
) -> None:
    space = make()
    found = search_space(space)
    for design in space.enumerate():
        told = vizier_parameters(space, design)
        builder = vizier.pyvizier.SequentialParameterBuilder(found)
        asked = []
        for config in builder:
            asked.append(config.name)
            assert config.contains(told[config.name]), config.name
            builder.choose_value(told[config.name])
        assert sorted(asked) == sorted(told)


def test_a_parameter_or_value_that_is_none_of_the_space_is_named() -> None:
    space = small_space()
    good = vizier_parameters(space, space.default())
    with pytest.raises(ConfigError, match=r"no parameter 'lanes'\n  fix: rename it to one of: byp"):
        design_of(space, {**good, "lanes": 3})
    with pytest.raises(ConfigError, match=r"width is 3.0, which is none of its values\n  fix: use"):
        design_of(space, {**good, "cfu": "simd", "width": 3.0, "depth": 0.0})
    with pytest.raises(ConfigError, match="rule wide-needs-buffer is broken"):
        design_of(space, {**good, "cfu": "simd", "width": 8.0, "depth": 0.0})


def foreign_problem() -> vz.ProblemStatement:
    """A study as a stranger would write it: names and kinds that ours do not know."""
    problem = vz.ProblemStatement()
    root = problem.search_space.root
    root.add_int_param("Num Layers", 1, 3)
    root.add_discrete_param("learning-rate", [0.001, 0.01, 0.1])
    root.add_bool_param("augment")
    root.add_categorical_param("optimiser", ["sgd", "adam"])
    sgd = root.select("optimiser", ["sgd"])
    sgd.add_discrete_param("momentum", [0.0, 0.9])
    root.select("optimiser", ["adam"]).add_discrete_param("momentum", [0.5, 0.7, 0.8])
    for name, goal in (("loss", "MINIMIZE"), ("accuracy", "MAXIMIZE")):
        problem.metric_information.append(
            vz.MetricInformation(name, goal=vz.ObjectiveMetricGoal[goal])
        )
    return problem


def test_a_strangers_space_is_walked_with_its_own_names() -> None:
    foreign = ForeignSpace(foreign_problem().search_space)
    assert foreign.space.count() == 3 * 3 * 2 * (2 + 3)
    for design in foreign.space.enumerate():
        values = foreign.values(design)
        assert foreign.design(values) == design
        allowed = {"sgd": (0.0, 0.9), "adam": (0.5, 0.7, 0.8)}[values["optimiser"]]
        assert values["momentum"] in allowed


@pytest.mark.parametrize(
    ("add", "what"),
    [
        (lambda root: root.add_float_param("rate", 0.0, 1.0), r"rate .* is of type DOUBLE"),
        (lambda root: root.add_int_param("seed", 0, 10**9), r"seed .* has 1,000,000,001 values"),
    ],
)
def test_a_study_that_does_not_map_is_refused_with_a_fix(
    add: Callable[[vz.SearchSpaceSelector], object], what: str
) -> None:
    problem = foreign_problem()
    add(problem.search_space.root)
    with pytest.raises(ConfigError, match=rf"parameter {what}.*\n  fix: give it .*add_discrete"):
        FiniteDesigner(problem)


def values_of(parameters: dict[str, object]) -> dict[str, float]:
    rate, momentum = float(str(parameters["learning-rate"])), float(str(parameters["momentum"]))
    layers = float(str(parameters["Num Layers"]))
    return {"loss": 1 / layers + rate, "accuracy": 0.5 + momentum / 4 - layers / 50}


def completed(number: int, suggestion: vz.TrialSuggestion) -> vz.Trial:
    trial = vz.Trial(id=number, parameters=suggestion.parameters)
    parameters = trial.parameters.as_dict()
    if parameters["augment"] in (True, "True") and number % 3 == 0:
        trial.complete(vz.Measurement(), infeasibility_reason="out of memory")
    else:
        trial.complete(vz.Measurement(values_of(parameters)))
    return trial


def run(designer: FiniteDesigner, *, trials: int, count: int) -> list[vz.Trial]:
    done: list[vz.Trial] = []
    while len(done) < trials:
        suggestions = designer.suggest(count)
        if not suggestions:
            break
        new = [completed(len(done) + n, each) for n, each in enumerate(suggestions, start=1)]
        designer.update(vza.CompletedTrials(new), vza.ActiveTrials())
        done += new
    return done


def test_a_designer_visits_every_legal_combination_once_and_then_suggests_none() -> None:
    designer = FiniteDesigner(foreign_problem(), suggester=make_suggester("random"))
    done = run(designer, trials=200, count=4)
    assert len({json.dumps(t.parameters.as_dict(), sort_keys=True) for t in done}) == 90
    assert len(done) == 90
    assert designer.suggest(1) == []


def test_what_is_being_measured_is_not_suggested_again() -> None:
    designer = FiniteDesigner(foreign_problem(), suggester=make_suggester("random"))
    suggestions = designer.suggest(89)
    active = [vz.Trial(id=n, parameters=s.parameters) for n, s in enumerate(suggestions, start=1)]
    designer.update(vza.CompletedTrials([]), vza.ActiveTrials(active))
    assert len(designer.suggest(5)) == 1
    designer.update(vza.CompletedTrials([]), vza.ActiveTrials([]))  # all of them were given up
    assert len(designer.suggest(90)) == 90


def test_a_completed_trial_without_an_objective_is_named() -> None:
    designer = FiniteDesigner(foreign_problem(), suggester=make_suggester("random"))
    (suggestion,) = designer.suggest()
    trial = vz.Trial(id=7, parameters=suggestion.parameters)
    trial.complete(vz.Measurement({"loss": 1.0}))
    with pytest.raises(ConfigError, match=r"trial 7 has completed with accuracy = nan\n  fix: c"):
        designer.update(vza.CompletedTrials([trial]), vza.ActiveTrials())


def test_a_broken_safety_threshold_counts_as_infeasible() -> None:
    problem = foreign_problem()
    goal = vz.ObjectiveMetricGoal.MINIMIZE
    problem.metric_information.append(
        vz.MetricInformation("watts", goal=goal, safety_threshold=3.0)
    )
    designer = FiniteDesigner(problem, suggester=make_suggester("random"))
    suggestions = designer.suggest(2)
    trials = [vz.Trial(id=n, parameters=s.parameters) for n, s in enumerate(suggestions, start=1)]
    for trial, watts in zip(trials, (2.0, 4.0), strict=True):
        trial.complete(vz.Measurement({"loss": 1.0, "accuracy": 0.5, "watts": watts}))
    designer.update(vza.CompletedTrials(trials), vza.ActiveTrials())
    told = [observation.values for observation in designer._history]
    assert told == [{"loss": 1.0, "accuracy": 0.5}, None]


@pytest.mark.slow
def test_our_models_run_behind_viziers_interface_and_say_what_they_believe() -> None:
    designer = FiniteDesigner(foreign_problem(), seed=random.Random(1).randrange(100))
    try:
        done = run(designer, trials=12, count=2)
        (suggestion,) = designer.suggest()
        assert suggestion.parameters.as_dict() not in [t.parameters.as_dict() for t in done]
        belief = json.loads(suggestion.metadata.ns(NAMESPACE)["belief"])
        assert belief["reason"] == "expected gain"
        assert {each["metric"] for each in belief["predictions"]} == {"loss", "accuracy"}
    finally:
        designer.close()
