"""Spaces that are counted and walked without being enumerated.

A space is a chain of decisions, one for each parameter. What a decision may be depends only on
the few earlier ones that a later condition or rule still reads. Counting the ways to finish once
for each such situation gives the exact number of designs, the n-th design and the number of a
design in time that grows with the coupling between parameters and not with the number of designs.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from functools import cached_property

from contracts.faults import ConfigError, ConfigMistakes
from contracts.parameter import Parameter, Rule, Value, same_value
from dse.space.declarations import (
    INACTIVE,
    check_references,
    condition_text,
    is_active,
    position_of,
    restricted_parameter,
    restricted_values,
    rule_holds,
    value_text,
    values_text,
)
from dse.space.design import Design
from dse.words import suggestion

_MAX_SITUATIONS = 1_000_000
"""Bound on the memory of one space, about 0.3 GB; coupling beyond it is refused, not endured."""

_Situation = tuple[int, ...]
_Place = tuple[int, _Situation]  # depth, and what of the earlier decisions matters there
_Branch = tuple[int, _Situation, int]  # choice, situation after it, designs below it


class EmptySpace(ConfigError):
    """No design of a space obeys all of its rules."""


class Space:
    """A finite, conditional space of designs.

    Designs are numbered from 0 in an order that depends on the parameters, their values and the
    rules alone. All methods are deterministic and none changes the space.

    Args:
        parameters: A parameter's conditions may name only parameters before it.
        rules: A rule is given the active ones of the parameters that it names, no others.

    Raises:
        ConfigError: A name is used twice, or a condition or rule names an unknown parameter or
            value.
        EmptySpace: The rules leave no design.
    """

    def __init__(self, parameters: Iterable[Parameter], rules: Iterable[Rule] = ()) -> None:
        self.parameters: tuple[Parameter, ...] = tuple(parameters)
        self.rules: tuple[Rule, ...] = tuple(rules)
        check_references(self.parameters, self.rules)
        self._by_name = {parameter.name: parameter for parameter in self.parameters}
        self._order = tuple(p for group in self.groups() for p in group)
        position = {parameter.name: depth for depth, parameter in enumerate(self._order)}
        self._due = _rules_by_last_parameter(self.rules, position)
        self._alive = _alive_before(self._order, self.rules, position)
        self._memo: dict[_Place, tuple[_Branch, ...]] = {}
        if not self._can_end(0, (), set()):
            raise EmptySpace(
                "the space is empty: no combination of the values satisfies the rules "
                + ", ".join(f"{rule.name} ({rule.reason})" for rule in self.rules),
                "allow more values of the parameters that these rules name",
            )

    def groups(self) -> tuple[tuple[Parameter, ...], ...]:
        """Return the groups of parameters that no condition or rule connects, as declared."""
        leader = {parameter.name: parameter.name for parameter in self.parameters}

        def find(name: str) -> str:
            while leader[name] != name:
                name = leader[name]
            return name

        links = [(p.name, condition.parameter) for p in self.parameters for condition in p.when]
        links += [(rule.parameters[0], name) for rule in self.rules for name in rule.parameters]
        for left, right in links:
            leader[find(left)] = find(right)
        members: dict[str, list[Parameter]] = {}
        for parameter in self.parameters:
            members.setdefault(find(parameter.name), []).append(parameter)
        return tuple(tuple(group) for group in members.values())

    def __len__(self) -> int:
        return self._count

    def count(self) -> int:
        """Return the exact number of distinct designs; the first call counts them.

        Raises:
            ConfigError: Rules couple too many parameters.
        """
        return self._count

    def enumerate(self) -> Iterator[Design]:
        """Yield every design once, in the order of their numbers, as they are asked for."""
        return (self._built(choices) for choices in self._walk(0, ()))

    def at(self, number: int) -> Design:
        """Return the design with this number, 0 to ``count() - 1``.

        Raises:
            IndexError: There is no such number.
        """
        if not 0 <= number < self._count:
            raise IndexError(f"design {number} of a space of {self._count}")
        choices: list[int] = []
        situation: _Situation = ()
        for depth in range(len(self._order)):
            for choice, after, below in self._branches(depth, situation):
                if number < below:
                    choices.append(choice)
                    situation = after
                    break
                number -= below
        return self._built(choices)

    def number(self, design: Design) -> int:
        """Return the number of a design.

        Raises:
            ConfigError: The design is not in this space.
        """
        self.design(design.values)
        number = 0
        situation: _Situation = ()
        for depth, parameter in enumerate(self._order):
            wanted = (
                position_of(parameter, design.values[parameter.name])
                if (parameter.name in design.values)
                else INACTIVE
            )
            for choice, after, below in self._branches(depth, situation):
                if choice == wanted:
                    situation = after
                    break
                number += below
        return number

    def sample(self, rng: random.Random) -> Design:
        """Draw one design, every distinct legal one with the same probability."""
        return self.at(rng.randrange(self._count))

    def design(self, values: Mapping[str, Value]) -> Design:
        """Check that exactly the active parameters are given, each with a legal value.

        Raises:
            ConfigError: They are not, or a rule is broken; the message names parameter and rule.
        """
        fault = self._fault(values)
        if fault is not None:
            raise ConfigError(*fault)
        return Design(values)

    def contains(self, design: Design) -> bool:
        """Tell whether the design is one of this space."""
        return self._fault(design.values) is None

    def completed(self, wishes: Mapping[str, Value]) -> Design | None:
        """Return a design with these values, or None when there is none.

        Wishes for parameters that turn out inactive are dropped; active parameters without a wish
        take their default, or the first value after it that the rules allow.
        """
        choices = self._complete(0, (), wishes, set())
        return None if choices is None else self._built(choices)

    def default(self) -> Design:
        """Return the design of the defaults, or a legal one that keeps as many as it can."""
        wishes: dict[str, Value] = {}
        for parameter in self._order:
            attempt = {**wishes, parameter.name: parameter.default}
            if self.completed(attempt) is not None:
                wishes = attempt
        design = self.completed(wishes)
        assert design is not None  # the space is not empty
        return design

    def neighbours(self, design: Design) -> tuple[Design, ...]:
        """Return the designs that differ in one choice and what must follow from it.

        Parameters that become inactive are dropped, those that become active take their default.
        """
        found: dict[Design, None] = {}
        for parameter in self._order:
            if parameter.name not in design.values:
                continue
            for value in parameter.values:
                if not same_value(value, design.values[parameter.name]):
                    neighbour = self.completed({**design.values, parameter.name: value})
                    if neighbour is not None:
                        found[neighbour] = None
        return tuple(found)

    def flattened(self, design: Design) -> dict[str, Value]:
        """Return a value for every parameter: inactive ones get their default.

        ``completed`` is the way back: it drops what is inactive, so each design has one encoding.
        """
        return {p.name: design.values.get(p.name, p.default) for p in self.parameters}

    def restricted(self, allowed: Mapping[str, Value | Sequence[Value]]) -> "Space":
        """Return the part of this space in which the parameters have only these values.

        Args:
            allowed: Name to one value or a list of values; names not given stay as they are.

        Raises:
            ConfigError: A name or value is not in this space, or no design is left; all such names
                and values are told.
        """
        wrong: list[tuple[str, str]] = []
        kept = {parameter.name: parameter.values for parameter in self.parameters}
        for name, values in allowed.items():
            if name not in self._by_name:
                fix = suggestion(name, self._by_name, intro="use one of")
                wrong.append((f"the space has no parameter {name!r}", fix))
                continue
            try:
                kept[name] = restricted_values(self._by_name[name], values)
            except ConfigError as error:
                wrong.append((error.what, error.fix))
        if len(wrong) == 1:
            raise ConfigError(*wrong[0])
        if wrong:
            raise ConfigMistakes.of("the restriction", wrong)
        return Space((restricted_parameter(p, kept) for p in self.parameters), self.rules)

    # Everything below works on positions in ``values`` instead of values, -1 for inactive.

    @cached_property
    def _count(self) -> int:
        return self._designs_below(0, ())

    def _can_end(self, depth: int, situation: _Situation, dead: set[_Place]) -> bool:
        """Tell whether any choices from ``depth`` on obey the rules; stops at the first.

        Args:
            depth: Of the next decision.
            situation: What of the earlier ones still matters.
            dead: Where nothing does; grows, so that no situation is tried twice.
        """
        if depth == len(self._order):
            return True
        if (depth, situation) in dead:
            return False
        if any(
            self._can_end(depth + 1, after, dead) for _, after in self._choices(depth, situation)
        ):
            return True
        self._require_few(dead, depth)
        dead.add((depth, situation))
        return False

    def _designs_below(self, depth: int, situation: _Situation) -> int:
        if depth == len(self._order):
            return 1
        return sum(below for _, _, below in self._branches(depth, situation))

    def _branches(self, depth: int, situation: _Situation) -> tuple[_Branch, ...]:
        """Return the legal choices at ``depth`` that can be finished."""
        key = (depth, situation)
        if key not in self._memo:
            self._require_few(self._memo, depth)
            counted = (
                (choice, after, self._designs_below(depth + 1, after))
                for choice, after in self._choices(depth, situation)
            )
            self._memo[key] = tuple(branch for branch in counted if branch[2])
        return self._memo[key]

    def _choices(self, depth: int, situation: _Situation) -> Iterator[tuple[int, _Situation]]:
        """Yield what the rules that are due at ``depth`` allow there, with the situation after."""
        parameter = self._order[depth]
        known = dict(zip(self._alive[depth], situation, strict=True))
        values = {
            name: self._by_name[name].values[choice]
            for name, choice in known.items()
            if choice != INACTIVE
        }
        active = is_active(parameter, values)
        for choice in range(len(parameter.values)) if active else (INACTIVE,):
            here = {**values, parameter.name: parameter.values[choice]} if active else values
            if all(rule_holds(rule, here) for rule in self._due[depth]):
                known[parameter.name] = choice
                yield choice, tuple(known[name] for name in self._alive[depth + 1])

    def _require_few(self, situations: Sized, depth: int) -> None:
        if len(situations) >= _MAX_SITUATIONS:
            raise ConfigError(
                f"the rules couple too many parameters: over {_MAX_SITUATIONS} situations at "
                f"parameter {self._order[depth].name}",
                "let each rule name fewer parameters, or allow fewer values of them",
            )

    def _walk(self, depth: int, situation: _Situation) -> Iterator[tuple[int, ...]]:
        if depth == len(self._order):
            yield ()
            return
        for choice, after, _ in self._branches(depth, situation):
            for rest in self._walk(depth + 1, after):
                yield (choice, *rest)

    def _built(self, choices: Sequence[int]) -> Design:
        return Design(
            {
                parameter.name: parameter.values[choice]
                for parameter, choice in zip(self._order, choices, strict=True)
                if choice != INACTIVE
            }
        )

    def _complete(
        self,
        depth: int,
        situation: _Situation,
        wishes: Mapping[str, Value],
        dead: set[_Place],
    ) -> tuple[int, ...] | None:
        """Return the choices from ``depth`` on that ``completed`` promises, or None.

        Args:
            depth: Of the next decision.
            situation: What of the earlier ones still matters.
            wishes: As of ``completed``.
            dead: Where the wishes were found to lead nowhere; grows, so that none is tried twice.
        """
        if depth == len(self._order):
            return ()
        if (depth, situation) in dead:
            return None
        parameter = self._order[depth]
        wanted = (
            position_of(parameter, wishes[parameter.name]) if parameter.name in wishes else None
        )
        default = position_of(parameter, parameter.default)
        branches = self._branches(depth, situation)
        for choice, after, _ in sorted(branches, key=lambda b: (b[0] < default, b[0])):
            if wanted is None or choice in (wanted, INACTIVE):
                rest = self._complete(depth + 1, after, wishes, dead)
                if rest is not None:
                    return (choice, *rest)
        dead.add((depth, situation))
        return None

    def _fault(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        """Return what is wrong with these values and the fix, or None."""
        for name in values:
            if name not in self._by_name:
                known = ", ".join(self._by_name)
                return f"the space has no parameter {name!r}", f"use one of: {known}"
        for parameter in self._order:
            active = is_active(parameter, values)
            name, when = parameter.name, condition_text(parameter.when)
            if not active and name in values:
                return f"{name} is given but exists only when {when}", f"leave {name} out"
            if active and name not in values:
                return f"{name} is missing", f"give it one of: {values_text(parameter.values)}"
            if active and position_of(parameter, values[name]) == INACTIVE:
                found, legal = value_text(values[name]), values_text(parameter.values)
                return f"{name} cannot be {found}", f"use one of: {legal}"
        for rule in self.rules:
            if not rule_holds(rule, values):
                given = ", ".join(
                    f"{n} = {value_text(values[n])}" for n in rule.parameters if n in values
                )
                return f"rule {rule.name} is broken by {given}", rule.reason
        return None


def _rules_by_last_parameter(
    rules: Sequence[Rule], position: Mapping[str, int]
) -> tuple[tuple[Rule, ...], ...]:
    """Return for each depth the rules that can be decided once that parameter is chosen."""
    due: list[list[Rule]] = [[] for _ in position]
    for rule in rules:
        due[max(position[name] for name in rule.parameters)].append(rule)
    return tuple(tuple(rules_here) for rules_here in due)


def _alive_before(
    order: Sequence[Parameter], rules: Sequence[Rule], position: Mapping[str, int]
) -> tuple[tuple[str, ...], ...]:
    """Return for each depth the earlier parameters that are read at this depth or later."""
    last_read = [-1] * len(order)
    for depth, parameter in enumerate(order):
        for condition in parameter.when:
            last_read[position[condition.parameter]] = depth
    for rule in rules:
        last = max(position[name] for name in rule.parameters)
        for name in rule.parameters:
            last_read[position[name]] = max(last_read[position[name]], last)
    return tuple(
        tuple(order[earlier].name for earlier in range(depth) if last_read[earlier] >= depth)
        for depth in range(len(order) + 1)
    )
