"""Typed parameters of a design space: what a room declares so that it can be searched."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = int | str | bool
"""What a parameter can be. Equal values have equal text, so a design has one canonical form."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A parameter exists only while another one has one of some values.

    Attributes:
        parameter: Name of the other parameter, declared before.
        values: The values under which the condition holds; never while ``parameter`` is inactive.
    """

    parameter: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One choice of a design space.

    Attributes:
        name: Unique in the space; lower case with underscores; carries its unit if it has one.
        values: The legal values, ascending where they are ordered.
        default: The value that a person who does not care would take.
        description: One line for people.
        ordered: True where the values lie on a scale (sizes, widths), False for kinds.
        when: All must hold for the parameter to exist.

    Raises:
        ValueError: The name is malformed, there are no values or repeated ones, or the default
            is not among them. These are mistakes of a programmer, not of a user.
    """

    name: str
    values: tuple[Value, ...]
    default: Value
    description: str
    ordered: bool = False
    when: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"parameter name {self.name!r} must match {_NAME.pattern}")
        if not self.values or len({repr(value) for value in self.values}) != len(self.values):
            raise ValueError(f"parameter {self.name} needs distinct values, got {self.values!r}")
        if not any(same_value(self.default, value) for value in self.values):
            raise ValueError(f"default {self.default!r} of {self.name} is not in {self.values!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A combination that is legal or not; an illegal one is never proposed.

    Attributes:
        name: Short identifier for messages.
        reason: Why the other combinations are illegal, in one sentence.
        parameters: The names that ``holds`` reads. Inactive ones are absent from its argument.
        holds: True where the combination is legal.
    """

    name: str
    reason: str
    parameters: tuple[str, ...]
    holds: Callable[[Mapping[str, Value]], bool]


def same_value(left: Value, right: Value) -> bool:
    """Tell whether two values are the same choice: ``True`` is not ``1``."""
    return type(left) is type(right) and left == right
