"""Legal designs of the CPU: random ones, and a few that together hold every pair of values."""

import itertools
import random

from contracts.parameter import Value, same_value
from hw_templates.cpu import PARAMETERS, RULES

Pair = tuple[tuple[str, Value], tuple[str, Value]]


def random_design(rng: random.Random) -> dict[str, Value]:
    """Return a legal design; every one is possible."""
    while True:
        values: dict[str, Value] = {}
        for parameter in PARAMETERS:
            if all(
                any(same_value(values.get(need.parameter, ""), value) for value in need.values)
                for need in parameter.when
            ):
                values[parameter.name] = rng.choice(parameter.values)
        if all(rule.holds(values) for rule in RULES):
            return values


def pairs(values: dict[str, Value]) -> set[Pair]:
    """Return all pairs of choices that a design makes."""
    return set(itertools.combinations(sorted(values.items()), 2))


def pairwise_designs(seed: int) -> list[dict[str, Value]]:
    """Return designs that together make every pair of choices that legal designs can make."""
    rng = random.Random(seed)
    missing = set().union(*(pairs(random_design(rng)) for _ in range(3000)))
    chosen = []
    while missing:
        candidates = [random_design(rng) for _ in range(60)]
        best = max(candidates, key=lambda values: len(pairs(values) & missing))
        if pairs(best) & missing:
            chosen.append(best)
            missing -= pairs(best)
    return chosen
