"""Our spaces as Vizier's search spaces, conditions included, and designs as their parameters.

A rule is code and has no place in a Vizier study, and a condition on two parameters of which none
depends on the other keeps the later one only. So the Vizier space may hold more than ours: a
parameter that exists there and not in a design has its default, and ``design`` drops it again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vizier import pyvizier as vz

from contracts.faults import ConfigError
from contracts.parameter import Parameter, Value
from dse.space import Design, Space
from dse.space.declarations import is_active

_EXACT = 1 << 53
"""Vizier keeps numbers as floats, which hold every whole number up to here."""


def search_space(space: Space) -> vz.SearchSpace:
    """Return a space as Vizier has it.

    Ordered whole numbers become a discrete parameter, truth values a boolean one, all others a
    categorical one of their texts.

    Raises:
        ConfigError: A number is too large for a float.
    """
    found = vz.SearchSpace()
    declared = {parameter.name: parameter for parameter in space.parameters}
    for parameter in space.parameters:
        for root in _places(found.root, parameter, declared):
            _add(root, parameter)
    return found


def vizier_parameters(space: Space, design: Design) -> dict[str, float | int | str | bool]:
    """Return a design as the parameters of a Vizier trial."""
    declared = {parameter.name: parameter for parameter in space.parameters}
    found: dict[str, Value] = {}
    for parameter in space.parameters:
        if _exists(parameter, found, declared):
            found[parameter.name] = design.values.get(parameter.name, parameter.default)
    return {name: _told(declared[name], value) for name, value in found.items()}


def design_of(space: Space, parameters: Mapping[str, Any]) -> Design:
    """Return the design that a Vizier trial's parameters stand for.

    Args:
        space: Of the design.
        parameters: Name to value: numbers, texts, or truth values as Vizier's texts.

    Raises:
        ConfigError: A name or value is none of the space, one is missing, or a rule is broken.
    """
    declared = {parameter.name: parameter for parameter in space.parameters}
    values: dict[str, Value] = {}
    for name in parameters:
        if name not in declared:
            raise ConfigError(
                f"the space has no parameter {name!r}",
                f"rename it to one of: {', '.join(declared)}; or take it out of the study",
            )
    for parameter in space.parameters:
        if is_active(parameter, values) and parameter.name in parameters:
            values[parameter.name] = _value(parameter, parameters[parameter.name])
    return space.design(values)


def _value(parameter: Parameter, told: Any) -> Value:
    """Return the legal value that a number or text of Vizier's stands for."""
    for value in parameter.values:
        if isinstance(value, bool):
            is_same = told is value or str(told).lower() == str(value).lower()
        elif isinstance(value, int):
            is_same = _number(told) == value and not isinstance(told, bool)
        else:
            is_same = told == value
        if is_same:
            return value
    raise ConfigError(
        f"{parameter.name} is {told!r}, which is none of its values",
        f"use one of: {', '.join(map(str, parameter.values))}",
    )


def _number(told: Any) -> float | None:
    try:
        return float(told)
    except (TypeError, ValueError):
        return None


def _is_discrete(parameter: Parameter) -> bool:
    return parameter.ordered and all(type(value) is int for value in parameter.values)


def _told(parameter: Parameter, value: Value) -> float | str:
    if _is_discrete(parameter):
        return float(value)
    return str(value)


def _add(root: vz.SearchSpaceSelector, parameter: Parameter) -> None:
    if all(isinstance(value, bool) for value in parameter.values):
        root.add_bool_param(
            parameter.name,
            feasible_values=list(parameter.values),
            default_value=bool(parameter.default),
        )
    elif _is_discrete(parameter):
        numbers = [int(value) for value in parameter.values]
        if max(map(abs, numbers)) > _EXACT:
            raise ConfigError(
                f"{parameter.name} can be {max(numbers, key=abs)}, which no Vizier study can hold",
                "use smaller values, for example in a larger unit",
            )
        root.add_discrete_param(parameter.name, numbers, default_value=float(parameter.default))
    else:
        texts = [str(value) for value in parameter.values]
        if len(set(texts)) < len(texts):
            raise ConfigError(
                f"values of {parameter.name} have equal texts: {', '.join(texts)}",
                "give them names of their own",
            )
        root.add_categorical_param(parameter.name, texts, default_value=str(parameter.default))


def _parent(parameter: Parameter, declared: Mapping[str, Parameter]) -> Parameter | None:
    """Return the parameter that it hangs from: of its conditions, the one declared last."""
    order = list(declared)
    names = [condition.parameter for condition in parameter.when]
    return declared[max(names, key=order.index)] if names else None


def _values_of_parent(parameter: Parameter, parent: Parameter) -> tuple[Value, ...]:
    return next(c.values for c in parameter.when if c.parameter == parent.name)


def _exists(
    parameter: Parameter, values: Mapping[str, Value], declared: Mapping[str, Parameter]
) -> bool:
    """Tell whether Vizier's space has a parameter, given the values of those before it."""
    parent = _parent(parameter, declared)
    if parent is None:
        return True
    return parent.name in values and any(
        repr(values[parent.name]) == repr(value) for value in _values_of_parent(parameter, parent)
    )


def _places(
    root: vz.SearchSpaceSelector, parameter: Parameter, declared: Mapping[str, Parameter]
) -> Iterator[vz.SearchSpaceSelector]:
    """Yield where a parameter is added: at the root, or below the values of its parents."""
    parent = _parent(parameter, declared)
    if parent is None:
        yield root
        return
    told = [_told(parent, value) for value in _values_of_parent(parameter, parent)]
    for place in _places(root, parent, declared):
        yield place.select(parent.name, told)
