"""Search algorithms that learn nothing: what any other one has to beat."""

import math
import random
from collections.abc import Iterator

from dse.space import Design, Space
from dse.suggest.interface import Suggestion, SuggestRequest

_SHUFFLED_WHOLE = 20_000
"""Spaces up to this size are shuffled whole, so that the last designs are found quickly too."""


class RandomSuggester:
    """Draws designs in a random order that depends on the seed alone; none comes twice."""

    name = "random"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return the next designs of the order that are not taken."""
        found = first_untaken(random_order(request.space, request.seed), request)
        return tuple(Suggestion(design=design, suggested_by=self.name) for design in found)

    def close(self) -> None:
        """Release nothing."""


class GridSuggester:
    """Walks through the whole space in an order that covers it evenly from the start.

    Steps of about the golden section of the space visit every design once; after any number of
    steps no part of the space has waited much longer than another. The seed has no influence.
    """

    name = "grid"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return the next designs of the walk that are not taken."""
        found = first_untaken(grid_order(request.space), request)
        return tuple(Suggestion(design=design, suggested_by=self.name) for design in found)

    def close(self) -> None:
        """Release nothing."""


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
