"""What the process of guests is told: a flat space and trials as numbers of values."""

from collections.abc import Mapping
from dataclasses import dataclass

Places = tuple[int, ...]
"""A design: for each parameter of the flat space the place of its value, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatParameter:
    """A parameter that every design has.

    Attributes:
        name: Of the parameter.
        count: How many values it has, at least 2.
        ordered: Whether they lie on a scale.
    """

    name: str
    count: int
    ordered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatTrial:
    """A finished design; ``losses`` are to be minimised, None where it is infeasible."""

    places: Places
    losses: tuple[float, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """Ask a guest; answered by ``count`` proposals, or fewer, as ``Places``.

    Attributes:
        guest: Its name as a config writes it, for example ``vizier:nsga2``.
        parameters: The space.
        metrics: Names of the objectives.
        trials: What has finished, oldest first.
        active: What is being measured.
        count: How many designs are wanted.
        seed: Equal questions get equal answers.
        taken: How many designs were tried or are being measured.
    """

    guest: str
    parameters: tuple[FlatParameter, ...]
    metrics: tuple[str, ...]
    trials: tuple[FlatTrial, ...]
    active: tuple[Places, ...]
    count: int
    seed: int
    taken: int


def named(parameters: tuple[FlatParameter, ...], places: Places) -> Mapping[str, int]:
    """Return the places of a design by the names of the parameters."""
    return {p.name: place for p, place in zip(parameters, places, strict=True)}
