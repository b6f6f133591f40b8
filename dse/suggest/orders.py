"""Orders in which to try the designs of a space, and what is left of them for a request."""

import math
import random
from collections.abc import Iterator

from dse.space import Design, Space
from dse.suggest.interface import SuggestRequest

_SHUFFLED_WHOLE = 20_000
"""Spaces up to this size are shuffled whole, so that the last designs are found quickly too."""


def random_order(space: Space, seed: int) -> Iterator[Design]:
    """Yield designs of the space at random; a small space each once, a large one with repeats."""
    rng = random.Random(seed)
    if space.count() <= _SHUFFLED_WHOLE:
        numbers = list(range(space.count()))
        rng.shuffle(numbers)
        yield from map(space.at, numbers)
        return
    while True:
        yield space.sample(rng)


def grid_order(space: Space) -> Iterator[Design]:
    """Yield every design of the space once."""
    size = space.count()
    stride = max(1, round(size * (math.sqrt(5) - 1) / 2))
    while math.gcd(stride, size) != 1:
        stride += 1
    for step in range(size):
        yield space.at(step * stride % size)


def first_untaken(order: Iterator[Design], request: SuggestRequest) -> tuple[Design, ...]:
    """Return the first designs of an order that are neither taken nor repeated."""
    taken = {design for design in request.taken() if request.space.contains(design)}
    wanted = min(request.count, request.space.count() - len(taken))
    found: list[Design] = []
    while len(found) < wanted:
        design = next(order)
        if design not in taken:
            taken.add(design)
            found.append(design)
    return tuple(found)
