"""What parameters, conditions and rules say: checked, decided, restricted and put into words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Rule, Value, same_value
from dse.words import closest

INACTIVE = -1
"""Stands for the position of a value where a parameter does not exist."""


def check_references(parameters: Sequence[Parameter], rules: Sequence[Rule]) -> None:
    """Raise ConfigError for a name used twice and for a reference to what is not there."""
    before: dict[str, Parameter] = {}
    for parameter in parameters:
        if parameter.name in before:
            raise ConfigError(f"parameter {parameter.name} is declared twice", "rename one of them")
        for condition in parameter.when:
            if condition.parameter not in before:
                raise ConfigError(
                    f"the condition of {parameter.name} names {condition.parameter!r}, "
                    "which is not a parameter declared before it",
                    f"use one of: {', '.join(before) or 'none is declared before it'}",
                )
            other = before[condition.parameter]
            for value in condition.values:
                if position_of(other, value) == INACTIVE:
                    raise ConfigError(
                        f"the condition of {parameter.name} wants "
                        f"{other.name} = {value_text(value)}",
                        f"use one of: {values_text(other.values)}",
                    )
        before[parameter.name] = parameter
    for rule in rules:
        unknown = [name for name in rule.parameters if name not in before]
        if unknown or not rule.parameters:
            raise ConfigError(
                f"rule {rule.name} names {unknown or 'no parameter'}",
                f"use some of: {', '.join(before)}",
            )


def is_active(parameter: Parameter, values: Mapping[str, Value]) -> bool:
    """Tell whether the parameter exists, given the values of those declared before it."""
    return all(
        condition.parameter in values
        and any(same_value(values[condition.parameter], value) for value in condition.values)
        for condition in parameter.when
    )


def rule_holds(rule: Rule, values: Mapping[str, Value]) -> bool:
    """Decide a rule on the active ones of its parameters.

    Raises:
        ConfigError: The rule reads what it does not name, or does not expect an absent parameter.
    """
    given = {name: values[name] for name in rule.parameters if name in values}
    try:
        return bool(rule.holds(given))
    except (LookupError, TypeError, ArithmeticError) as error:
        raise ConfigError(
            f"rule {rule.name} cannot be decided for {given}: {error!r}",
            "let the rule name every parameter it reads, and expect inactive ones to be absent",
        ) from error


def restricted_parameter(parameter: Parameter, kept: Mapping[str, tuple[Value, ...]]) -> Parameter:
    """Return the parameter with the kept values, in its conditions too."""
    values = kept[parameter.name]
    keeps_default = any(same_value(parameter.default, value) for value in values)
    return replace(
        parameter,
        values=values,
        default=parameter.default if keeps_default else values[0],
        when=tuple(
            Condition(
                parameter=condition.parameter,
                values=tuple(
                    value
                    for value in condition.values
                    if any(same_value(value, left) for left in kept[condition.parameter])
                ),
            )
            for condition in parameter.when
        ),
    )


def restricted_values(parameter: Parameter, allowed: Value | Sequence[Value]) -> tuple[Value, ...]:
    """Return those of the parameter's values that are allowed, in the parameter's order.

    Raises:
        ConfigError: Something is allowed that is no value of the parameter, or nothing is.
    """
    wanted = (allowed,) if isinstance(allowed, int | str) else tuple(allowed)
    unknown = [value for value in wanted if position_of(parameter, value) == INACTIVE]
    if unknown:
        raise ConfigError(
            f"{parameter.name} cannot be {' nor '.join(map(_quoted, unknown))}",
            _meant(unknown[0], parameter.values),
        )
    values = tuple(v for v in parameter.values if any(same_value(v, w) for w in wanted))
    if not values:
        raise ConfigError(
            f"{parameter.name} is left without a value, so the space is empty",
            f"allow some of: {values_text(parameter.values)}",
        )
    return values


def _quoted(value: object) -> str:
    """Write a value so that text that looks like a number or a truth is told from one."""
    is_odd = isinstance(value, str) and (not value.isidentifier() or value in ("true", "false"))
    return json.dumps(value) if is_odd else value_text(value)


def _meant(value: object, legal: Sequence[Value]) -> str:
    """Say what there is, first what an unknown value was probably meant to be."""
    use = f"use some of: {values_text(legal)}"
    texts = {value_text(each): each for each in legal}
    text = str(value).lower() if isinstance(value, str) else value_text(value)
    if isinstance(value, str) and not isinstance(texts.get(text, ""), str):
        return f"write {text} without quotes; {use}"
    near = closest(text, [each for each in legal if isinstance(each, str)])
    return f"did you mean {near!r}? {use}" if near else use


def position_of(parameter: Parameter, value: object) -> int:
    """Return where ``value`` stands among the parameter's values, -1 when it does not."""
    for position, legal in enumerate(parameter.values):
        if type(value) is type(legal) and value == legal:
            return position
    return INACTIVE


def condition_text(when: Sequence[Condition]) -> str:
    """Put conditions into words; empty without any."""
    return " and ".join(f"{c.parameter} is {' or '.join(map(value_text, c.values))}" for c in when)


def value_text(value: object) -> str:
    """Write a value as a config does."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def values_text(values: Iterable[object]) -> str:
    """Write values as a list for a message."""
    return ", ".join(map(value_text, values))
