"""A space as a person wants to see it, as plain data."""

from dataclasses import dataclass

from contracts.parameter import Value
from dse.space.declarations import condition_text
from dse.space.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSummary:
    """One row of the description of a space; ``when`` is text and empty without a condition."""

    name: str
    values: tuple[Value, ...]
    default: Value
    ordered: bool
    when: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSummary:
    """One rule of the description of a space."""

    name: str
    parameters: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceSummary:
    """What a person wants to know about a space.

    Attributes:
        parameters: Those that are active in at least one design.
        rules: Those that still exclude something or could.
        designs: Number of distinct designs.
    """

    parameters: tuple[ParameterSummary, ...]
    rules: tuple[RuleSummary, ...]
    designs: int


def describe(space: Space) -> SpaceSummary:
    """Return the parameters, conditions, rules and size of a space as plain data."""
    possible = [p for p in space.parameters if all(condition.values for condition in p.when)]
    names = {parameter.name for parameter in possible}
    return SpaceSummary(
        parameters=tuple(
            ParameterSummary(
                name=p.name,
                values=p.values,
                default=p.default,
                ordered=p.ordered,
                when=condition_text(p.when),
                description=p.description,
            )
            for p in possible
        ),
        rules=tuple(
            RuleSummary(name=rule.name, parameters=rule.parameters, reason=rule.reason)
            for rule in space.rules
            if names.intersection(rule.parameters)
        ),
        designs=space.count(),
    )
