"""Orders in which to try the designs of a space, and what is left of them for a request."""

import hashlib
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import overload

from contracts.parameter import Value
from dse.space import Design, EmptySpace, Space
from dse.suggest.interface import SuggestRequest

_ROUNDS = 6
"""Of the permutation; four make it indistinguishable from a random one, for large spaces."""


class Order(Sequence[Design]):
    """Every design of a space once, in some order; each is made when it is asked for.

    Args:
        space: Of the designs.
        number_at: Place in the order, 0 to ``len(space) - 1``, to the number of a design.
    """

    def __init__(self, space: Space, number_at: Callable[[int], int]) -> None:
        self._space = space
        self._number_at = number_at

    def __len__(self) -> int:
        return self._space.count()

    @overload
    def __getitem__(self, place: int) -> Design: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Design, ...]: ...
    def __getitem__(self, place: int | slice) -> Design | tuple[Design, ...]:
        if isinstance(place, slice):
            return tuple(self[n] for n in range(*place.indices(len(self))))
        if not 0 <= place < len(self):
            raise IndexError(f"place {place} of {len(self)} designs")
        return self._space.at(self._number_at(place))


def random_order(space: Space, seed: int) -> Order:
    """Return the designs of a space in a random order that depends on the seed alone.

    The n-th one costs the same for every n: numbers go through a pseudorandom permutation, a
    Feistel network over the next power of four that is applied until it leads into the space.
    Source: Black, Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002.
    """
    half = max(1, ((space.count() - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    size = space.count()

    def permuted(number: int) -> int:
        left, right = number >> half, number & mask
        for turn in range(_ROUNDS):
            text = f"{seed} {turn} {right}".encode()
            digest = hashlib.blake2b(text, digest_size=16).digest()
            left, right = right, left ^ (int.from_bytes(digest, "little") & mask)
        return left << half | right

    def number_at(place: int) -> int:
        number = permuted(place)
        while number >= size:
            number = permuted(number)
        return number

    return Order(space, number_at)


def grid_order(space: Space) -> Order:
    """Return every design of the space once, such that any beginning covers it evenly."""
    size = space.count()
    stride = max(1, round(size * (math.sqrt(5) - 1) / 2))
    while math.gcd(stride, size) != 1:
        stride += 1
    return Order(space, lambda place: place * stride % size)


def next_untaken(order: Order, request: SuggestRequest) -> tuple[Design, ...]:
    """Return the next designs of an order that are neither taken nor repeated.

    As many places as designs were tried are passed over, whoever suggested them: a study that
    has followed the order all along continues it without walking past its own past. What is
    passed over so in a study of several authors comes when the end of the order is reached.
    """
    start = (len(request.observations) + len(request.active)) % len(order)
    places = itertools.chain(range(start, len(order)), range(start))
    return first_untaken(map(order.__getitem__, places), request)


def random_order_in_turn(space: Space, seed: int) -> Iterator[Design]:
    """Yield the designs of a space at random, those of each kind in turn.

    The kind is the choice that brings most further parameters, as the family of a CFU does: the
    one with most parameters has nearly all designs, so that drawing from all alike would show
    nothing of the others. That of the default design, which is tried before, comes last. A space
    without such a choice has ``random_order``.
    """
    brought = Counter(need.parameter for each in space.parameters for need in each.when)
    kinds = [each for each in space.parameters if brought[each.name] and not each.ordered]
    if not kinds:
        yield from random_order(space, seed)
        return
    choice = max(kinds, key=lambda parameter: brought[parameter.name])
    usual = space.default().values.get(choice.name)
    values = [value for value in choice.values if value != usual]
    random.Random(seed).shuffle(values)
    parts = [_part(space, choice.name, value) for value in (*values, usual) if value is not None]
    orders = [random_order(part, seed) for part in parts if part is not None]
    for drawn in itertools.zip_longest(*orders):
        yield from (design for design in drawn if design is not None)


def _part(space: Space, name: str, value: Value) -> Space | None:
    try:
        return space.restricted({name: value})
    except EmptySpace:
        return None


def first_untaken(designs: Iterable[Design], request: SuggestRequest) -> tuple[Design, ...]:
    """Return the first of some designs that are neither taken nor repeated, as many as wanted."""
    active = set(request.active)
    found: dict[Design, None] = {}
    for design in designs:
        if len(found) == request.count:
            break
        if not request.history.has(design) and design not in active:
            found[design] = None
    return tuple(found)
