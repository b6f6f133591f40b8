"""Search spaces of Vizier as ours, so that our search can be run on anybody's finite study."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vizier import pyvizier as vz

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter
from dse.space import Design, Space

_MOST_VALUES = 4096
"""Of a whole-number parameter: what a space lists one by one."""


@dataclass(frozen=True, slots=True)
class ForeignParameter:
    """One parameter of a Vizier space as one of ours: values are their places, from 0.

    Attributes:
        name: In Vizier's study, where several may have it that never exist together.
        values: As Vizier has them, in order.
        ours: The same in our space, under a name of its own.
    """

    name: str
    values: tuple[Any, ...]
    ours: Parameter


class ForeignSpace:
    """A Vizier search space, conditional or not, whose parameters all have finitely many values.

    Args:
        found: The search space.

    Raises:
        ConfigError: A parameter is continuous, of unknown kind or has too many values; the message
            names it.
    """

    def __init__(self, found: vz.SearchSpace) -> None:
        self.parameters = tuple(_walk(found.parameters, None, iter(range(1_000_000))))
        if not self.parameters:
            raise ConfigError("the Vizier study has no parameters", "add some to its search space")
        self.space = Space(each.ours for each in self.parameters)

    def design(self, values: Mapping[str, Any]) -> Design:
        """Return the design of a trial's parameters.

        Raises:
            ConfigError: A parameter that exists is missing, or has a value that it cannot have.
        """
        places: dict[str, int] = {}
        for each in self.parameters:
            (*_, condition) = each.ours.when or (None,)
            if condition is not None and (
                places.get(condition.parameter, -1) not in condition.values
            ):
                continue
            if each.name not in values:
                raise ConfigError(
                    f"a trial of the Vizier study has no {each.name}",
                    "give every trial all parameters that exist for its values",
                )
            place = _place(each, values[each.name])
            if place is None:
                raise ConfigError(
                    f"a trial of the Vizier study has {each.name} = {values[each.name]!r}",
                    f"use one of: {', '.join(map(str, each.values))}",
                )
            places[each.ours.name] = place
        return self.space.design(dict(places))

    def values(self, design: Design) -> dict[str, Any]:
        """Return a design as the parameters of a suggestion."""
        return {
            each.name: each.values[int(design.values[each.ours.name])]
            for each in self.parameters
            if each.ours.name in design.values
        }


def _place(parameter: ForeignParameter, told: Any) -> int | None:
    for place, value in enumerate(parameter.values):
        if told == value or str(told) == str(value):
            return place
    return None


def _walk(
    configs: list[vz.ParameterConfig], parent: ForeignParameter | None, numbers: Iterator[int]
) -> Iterator[ForeignParameter]:
    for config in configs:
        values = _values(config)
        when: tuple[Condition, ...] = ()
        if parent is not None:
            # a text for a truth value, so compared as texts
            matching = {str(value) for value in config.matching_parent_values}
            places = tuple(n for n, v in enumerate(parent.values) if str(v) in matching)
            when = (Condition(parameter=parent.ours.name, values=places),)
        default = _default(config, values)
        ours = Parameter(
            name=f"p{next(numbers)}",
            values=tuple(range(len(values))),
            default=default,
            description=config.name,
            ordered=config.type is not vz.ParameterType.CATEGORICAL,
            when=when,
        )
        found = ForeignParameter(config.name, values, ours)
        yield found
        yield from _walk(list(config.child_parameter_configs), found, numbers)


def _values(config: vz.ParameterConfig) -> tuple[Any, ...]:
    if config.type is vz.ParameterType.INTEGER:
        low, high = config.bounds
        if high - low >= _MOST_VALUES:
            raise ConfigError(
                f"parameter {config.name} of the Vizier study has {high - low + 1:,} values",
                f"give it at most {_MOST_VALUES:,}: add_discrete_param(name, feasible_values)",
            )
        return tuple(range(int(low), int(high) + 1))
    if config.type in (vz.ParameterType.DISCRETE, vz.ParameterType.CATEGORICAL):
        return tuple(config.feasible_values)
    raise ConfigError(
        f"parameter {config.name} of the Vizier study is of type {config.type.name}, and a design"
        " is a choice among finitely many values",
        "give it a grid: add_discrete_param(name, feasible_values)",
    )


def _default(config: vz.ParameterConfig, values: tuple[Any, ...]) -> int:
    given = [n for n, v in enumerate(values) if config.default_value in (v, str(v))]
    return given[0] if given and config.default_value is not None else len(values) // 2
