"""Spaces: what is legal, how many there are, and what the messages say."""

import random
from collections import Counter
from typing import Any

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Rule, Value
from dse.space import Design, Space, describe


def parameter(name: str, *values: Value, default: Value | None = None, **more: Any) -> Parameter:
    return Parameter(
        name=name,
        values=values,
        default=values[0] if default is None else default,
        description=f"about {name}",
        **more,
    )


def when(name: str, *values: Value) -> tuple[Condition, ...]:
    return (Condition(parameter=name, values=values),)


CACHE = (
    parameter("bytes", 0, 1024, 2048, default=1024, ordered=True),
    parameter("ways", 1, 2, ordered=True, when=when("bytes", 1024, 2048)),
)
UNIT = (
    parameter("cfu", "none", "simd"),
    parameter("width", 1, 2, 4, default=2, ordered=True, when=when("cfu", "simd")),
    parameter("buffered", False, True, when=when("cfu", "simd")),
)
WIDE = Rule(
    name="wide-needs-buffer",
    reason="four operands do not fit in two registers",
    parameters=("width", "buffered"),
    holds=lambda v: v.get("width") != 4 or v["buffered"] is True,
)


@pytest.fixture
def space() -> Space:
    return Space((*CACHE, *UNIT), (WIDE,))


def test_counts_designs_and_not_combinations(space: Space) -> None:
    # cache: 1 without + 2 x 2; unit: 1 without + 3 x 2 - 1 that the rule forbids
    assert space.count() == 5 * 6
    assert len(space) == 30


def test_enumerates_each_design_once_and_numbers_them_in_order(space: Space) -> None:
    designs = list(space.enumerate())
    assert len(set(designs)) == space.count()
    assert [space.number(design) for design in designs] == list(range(30))
    assert [space.at(number) for number in range(30)] == designs


def test_counts_a_space_that_nobody_could_enumerate_at_once() -> None:
    bits = [parameter(f"bit{n}", False, True) for n in range(200)]
    pairs = [
        Rule(
            name=f"not-both-{n}",
            reason="they share a port",
            parameters=(f"bit{n}", f"bit{n + 1}"),
            holds=lambda v: not all(v.values()),
        )
        for n in range(199)
    ]
    space = Space(bits, pairs)
    fibonacci = [1, 2]
    while len(fibonacci) <= 200:
        fibonacci.append(sum(fibonacci[-2:]))
    assert space.count() == fibonacci[200]
    last = space.count() - 1
    assert space.number(space.at(last)) == last


def test_a_number_outside_the_space_is_an_index_error(space: Space) -> None:
    with pytest.raises(IndexError, match="30"):
        space.at(30)


def test_samples_distinct_designs_uniformly(space: Space) -> None:
    rng = random.Random(1)
    drawn = Counter(space.sample(rng) for _ in range(6000))
    assert len(drawn) == 30
    assert min(drawn.values()) > 120  # expected 200, deviation 14
    assert max(drawn.values()) < 280


def test_inactive_parameters_are_absent(space: Space) -> None:
    design = space.design({"bytes": 0, "cfu": "none"})
    assert dict(design.values) == {"bytes": 0, "cfu": "none"}
    assert space.flattened(design) == {
        "bytes": 0,
        "ways": 1,
        "cfu": "none",
        "width": 2,
        "buffered": False,
    }
    assert space.completed(space.flattened(design)) == design


def test_the_default_design_is_legal_and_made_of_defaults(space: Space) -> None:
    assert dict(space.default().values) == {"bytes": 1024, "ways": 1, "cfu": "none"}


def test_a_default_that_breaks_a_rule_gives_way() -> None:
    space = Space(
        (parameter("a", 1, 2), parameter("b", 1, 2)),
        (Rule(name="r", reason="", parameters=("a", "b"), holds=lambda v: v["a"] != v["b"]),),
    )
    assert dict(space.default().values) == {"a": 1, "b": 2}


def test_neighbours_change_one_choice_and_what_follows_from_it(space: Space) -> None:
    design = space.design({"bytes": 0, "cfu": "simd", "width": 2, "buffered": False})
    texts = {str(neighbour) for neighbour in space.neighbours(design)}
    assert texts == {
        "buffered=false bytes=1024 cfu=simd ways=1 width=2",
        "buffered=false bytes=2048 cfu=simd ways=1 width=2",
        "bytes=0 cfu=none",
        "buffered=false bytes=0 cfu=simd width=1",
        "buffered=true bytes=0 cfu=simd width=2",
    }  # width 4 is left out: it needs the buffer


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bytes": 0}, "cfu is missing"),
        ({"bytes": 0, "cfu": "none", "x": 1}, "no parameter 'x'"),
        ({"bytes": 0, "cfu": "vliw"}, "cfu cannot be vliw"),
        ({"bytes": False, "cfu": "none"}, "bytes cannot be false"),
        ({"bytes": 0, "ways": 1, "cfu": "none"}, "ways is given but exists only when bytes is"),
        (
            {"bytes": 0, "cfu": "simd", "width": 4, "buffered": False},
            "rule wide-needs-buffer is broken by width = 4, buffered = false",
        ),
    ],
)
def test_an_illegal_design_is_refused_with_the_reason(
    space: Space, values: dict[str, Value], message: str
) -> None:
    assert not space.contains(Design(values))
    with pytest.raises(ConfigError, match=message):
        space.design(values)


def test_restricting_keeps_order_and_drops_what_cannot_be_reached(space: Space) -> None:
    small = space.restricted({"bytes": [2048, 0], "cfu": "none"})
    assert [str(design) for design in small.enumerate()] == [
        "bytes=0 cfu=none",
        "bytes=2048 cfu=none ways=1",
        "bytes=2048 cfu=none ways=2",
    ]
    assert [p.name for p in describe(small).parameters] == ["bytes", "ways", "cfu"]
    assert describe(small).rules == ()


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        ({"colour": 1}, "no parameter 'colour'\n  fix: use one of: bytes, ways, cfu"),
        ({"bytes": [512]}, "bytes cannot be 512\n  fix: use some of: 0, 1024, 2048"),
        ({"buffered": 1}, "buffered cannot be 1\n  fix: use some of: false, true"),
        ({"bytes": []}, "so the space is empty"),
        ({"cfu": "simd", "width": 4, "buffered": False}, "four operands do not fit"),
    ],
)
def test_an_impossible_restriction_is_refused(
    space: Space, allowed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        space.restricted(allowed)


def test_declarations_that_point_nowhere_are_refused() -> None:
    with pytest.raises(ConfigError, match="declared twice"):
        Space((parameter("a", 1), parameter("a", 2)))
    with pytest.raises(ConfigError, match="not a parameter declared before it"):
        Space((parameter("b", 1, when=when("a", 1)), parameter("a", 1)))
    with pytest.raises(ConfigError, match="wants a = 3"):
        Space((parameter("a", 1), parameter("b", 1, when=when("a", 3))))
    rule = Rule(name="r", reason="", parameters=("z",), holds=lambda _: True)
    with pytest.raises(ConfigError, match="rule r names"):
        Space((parameter("a", 1),), (rule,))


def test_a_rule_that_reads_what_it_does_not_name_is_reported() -> None:
    rule = Rule(name="greedy", reason="", parameters=("a",), holds=lambda v: v["b"] == 1)
    with pytest.raises(ConfigError, match="rule greedy cannot be decided"):
        Space((parameter("a", 1), parameter("b", 1)), (rule,))


def test_coupling_that_cannot_be_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dse.space.space._MAX_SITUATIONS", 1000)
    values = [parameter(f"p{n}", *range(10)) for n in range(6)]
    names = tuple(p.name for p in values)
    rule = Rule(name="all", reason="", parameters=names, holds=lambda v: sum(v.values()) % 2 == 0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="couple too many parameters"):
        Space(values, (rule,)).count()


def test_groups_are_what_conditions_and_rules_connect(space: Space) -> None:
    assert [[p.name for p in group] for group in space.groups()] == [
        ["bytes", "ways"],
        ["cfu", "width", "buffered"],
    ]


def test_the_description_has_what_a_person_asks_for(space: Space) -> None:
    summary = describe(space)
    assert summary.designs == 30
    rows = {row.name: row for row in summary.parameters}
    assert rows["bytes"].values == (0, 1024, 2048)
    assert rows["bytes"].default == 1024
    assert rows["width"].when == "cfu is simd"
    assert rows["ways"].when == "bytes is 1024 or 2048"
    assert [(rule.name, rule.reason) for rule in summary.rules] == [
        ("wide-needs-buffer", "four operands do not fit in two registers")
    ]


def test_a_space_without_parameters_has_one_design() -> None:
    assert [str(design) for design in Space(()).enumerate()] == [""]
