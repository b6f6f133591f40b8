"""Any small space agrees with trying every combination."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Rule, Value
from dse.space import EmptySpace, Space

VALUES: tuple[Value, ...] = (0, 1, 2, True, False, "x")


@st.composite
def declarations(draw: st.DrawFn) -> tuple[list[Parameter], list[Rule]]:
    parameters: list[Parameter] = []
    for index in range(draw(st.integers(1, 6))):
        values = draw(
            st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique_by=lambda v: repr(v))
        )
        parents = draw(st.lists(st.sampled_from(parameters), max_size=2)) if parameters else []
        when = tuple(
            Condition(
                parameter=parent.name,
                values=tuple(
                    draw(
                        st.lists(
                            st.sampled_from(parent.values),
                            min_size=1,
                            unique_by=lambda v: repr(v),
                        )
                    )
                ),
            )
            for parent in parents
        )
        parameters.append(
            Parameter(
                name=f"p{index}",
                values=tuple(values),
                default=draw(st.sampled_from(values)),
                description="",
                when=when,
            )
        )
    rules = [draw(random_rule(parameters, number)) for number in range(draw(st.integers(0, 3)))]
    return parameters, rules


@st.composite
def random_rule(draw: st.DrawFn, parameters: list[Parameter], number: int) -> Rule:
    names = draw(
        st.lists(st.sampled_from([p.name for p in parameters]), min_size=1, max_size=3, unique=True)
    )
    salt = draw(st.integers(0, 99))

    def holds(values: object) -> bool:
        assert isinstance(values, dict)
        assert set(values) <= set(names)
        return random.Random(f"{salt} {sorted(values.items())!r}").random() < 0.7

    return Rule(name=f"r{number}", reason="", parameters=tuple(names), holds=holds)


def brute_force(parameters: list[Parameter], rules: list[Rule]) -> set[str]:
    """Return the legal designs as text, by trying all combinations."""
    found = set()
    for combination in itertools.product(*(p.values for p in parameters)):
        values: dict[str, Value] = {}
        for parameter, value in zip(parameters, combination, strict=True):
            if all(
                repr(values.get(condition.parameter, "absent")) in map(repr, condition.values)
                for condition in parameter.when
            ):
                values[parameter.name] = value
        if all(
            rule.holds({n: values[n] for n in rule.parameters if n in values}) for rule in rules
        ):
            found.add(repr(sorted(values.items())))
    return found


def text(space: Space, number: int) -> str:
    return repr(sorted(space.at(number).values.items()))


@settings(max_examples=150, deadline=None)
@given(declarations())
def test_a_space_holds_exactly_the_legal_designs(
    declared: tuple[list[Parameter], list[Rule]],
) -> None:
    expected = brute_force(*declared)
    if not expected:
        with pytest.raises(EmptySpace):
            Space(*declared)
        return
    space = Space(*declared)
    designs = list(space.enumerate())
    assert space.count() == len(designs) == len(expected)
    assert {repr(sorted(design.values.items())) for design in designs} == expected
    assert [space.number(design) for design in designs] == list(range(len(designs)))
    assert {text(space, number) for number in range(space.count())} == expected
    for design in designs:
        assert space.contains(design)
        assert space.design(design.values) == design
        assert space.completed(space.flattened(design)) == design
        neighbours = space.neighbours(design)
        assert len(set(neighbours)) == len(neighbours)
        assert design not in neighbours
        assert all(map(space.contains, neighbours))
    assert space.contains(space.default())
    assert space.contains(space.sample(random.Random(0)))


@settings(max_examples=60, deadline=None)
@given(declarations(), st.data())
def test_a_restricted_space_is_the_part_with_those_values(
    declared: tuple[list[Parameter], list[Rule]], data: st.DataObject
) -> None:
    try:
        space = Space(*declared)
    except ConfigError:
        return
    parameter = data.draw(st.sampled_from(space.parameters))
    kept = data.draw(
        st.lists(st.sampled_from(parameter.values), min_size=1, unique_by=lambda v: repr(v))
    )
    expected = [
        design
        for design in space.enumerate()
        if parameter.name not in design.values
        or repr(design.values[parameter.name]) in map(repr, kept)
    ]
    try:
        part = space.restricted({parameter.name: kept})
    except ConfigError:
        assert not expected
        return
    assert list(part.enumerate()) == expected
