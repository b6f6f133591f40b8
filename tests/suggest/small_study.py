"""A made-up space of 24 designs with made-up values, small enough to be exhausted."""

import random

from contracts.parameter import Condition, Parameter, Rule
from dse.space import Design, Space
from dse.suggest import Objective, Observation, Suggester, SuggestRequest

TWO = (Objective(metric="latency_us"), Objective(metric="lut4"))
THREE = (*TWO, Objective(metric="accuracy", goal="maximise"))


def small_space() -> Space:
    """Return 2 x (1 + 4 x 3 - 1) = 24 designs."""
    simd = (Condition(parameter="cfu", values=("simd",)),)
    return Space(
        (
            Parameter(name="bypass", values=(True, False), default=True, description=""),
            Parameter(name="cfu", values=("none", "simd"), default="none", description=""),
            Parameter(
                name="width",
                values=(1, 2, 4, 8),
                default=2,
                description="",
                ordered=True,
                when=simd,
            ),
            Parameter(
                name="depth",
                values=(0, 64, 256),
                default=0,
                description="",
                ordered=True,
                when=simd,
            ),
        ),
        (
            Rule(
                name="wide-needs-buffer",
                reason="operands come from somewhere",
                parameters=("width", "depth"),
                holds=lambda v: v.get("width") != 8 or v["depth"] != 0,
            ),
        ),
    )


def values_of(design: Design) -> dict[str, float]:
    width, depth = design.values.get("width", 0), design.values.get("depth", 0)
    assert isinstance(width, int)
    assert isinstance(depth, int)
    return {
        "latency_us": 1000.0 / (1 + width) + (5 if design["bypass"] is True else 50),
        "lut4": 1000.0 + 100 * width + depth / 4 + (40 if design["bypass"] is True else 0),
        "accuracy": 0.8 + 0.01 * width,
    }


def observe(designs: list[Design], *, infeasible: bool = False) -> tuple[Observation, ...]:
    return tuple(
        Observation(design=d, values=None if infeasible else values_of(d)) for d in designs
    )


def drawn(space: Space, count: int) -> list[Design]:
    return random.Random(7).sample(list(space.enumerate()), count)


def suggested(suggester: Suggester, request: SuggestRequest) -> tuple[Design, ...]:
    """Return the designs of an answer."""
    return tuple(suggestion.design for suggestion in suggester.suggest(request))
