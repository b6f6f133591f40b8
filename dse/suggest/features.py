"""Designs as the numbers that a model sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.space import Design, Space

_INACTIVE_POSITION = 0.5


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of some designs, one row each.

    Attributes:
        continuous: Ordered parameters: the rank of the value, scaled to 0..1. Hardware sizes double
            from step to step, so the rank is their logarithm, with 0 one step below the smallest.
        categorical: Other parameters: the number of the value.
    """

    continuous: NDArray[np.float64]
    categorical: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.continuous)

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[np.intp]) -> "FeatureTable":
        return FeatureTable(self.continuous[rows], self.categorical[rows])

    def extended(self, other: "FeatureTable") -> "FeatureTable":
        """Return these rows and then the other's."""
        return FeatureTable(
            np.concatenate([self.continuous, other.continuous]),
            np.concatenate([self.categorical, other.categorical]),
        )


class Encoder:
    """Turns designs of a space into features; a parameter with one value is left out.

    An inactive parameter has one encoding, the middle of its scale or a category of its own, so
    that designs differ by the choice that made it inactive and by nothing else.
    """

    def __init__(self, space: Space) -> None:
        self._varied = [p for p in space.parameters if len(p.values) > 1]
        self._numbers = {
            p.name: {repr(value): number for number, value in enumerate(p.values)}
            for p in space.parameters
        }
        ordered = np.array([p.ordered for p in self._varied], dtype=bool)
        self._ordered, self._kinds = np.flatnonzero(ordered), np.flatnonzero(~ordered)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters behind the features, continuous ones first."""
        return tuple(self._varied[p].name for p in (*self._ordered, *self._kinds))

    @property
    def categories(self) -> tuple[int, ...]:
        """How many numbers each categorical feature may be, that of no value included."""
        return tuple(len(self._varied[p].values) + 1 for p in self._kinds)

    def can_encode(self, design: Design) -> bool:
        """Tell whether all of a design's parameters and values are the space's."""
        return all(
            repr(value) in self._numbers.get(name, ()) for name, value in design.values.items()
        )

    def encode(self, designs: Sequence[Design]) -> FeatureTable:
        """Return the features, in the order of the designs."""
        return self.features(self.codes(designs))

    def codes(self, designs: Sequence[Design]) -> NDArray[np.int32]:
        """Return the number of each value, -1 where a parameter is inactive.

        One row for each design, one column for each parameter of several values, as the space
        orders them.

        Raises:
            KeyError: A value is none of the space's.
        """
        codes = np.empty((len(designs), len(self._varied)), dtype=np.int32)
        for column, p in enumerate(self._varied):
            numbers = self._numbers[p.name]
            codes[:, column] = [
                numbers[repr(design.values[p.name])] if p.name in design.values else -1
                for design in designs
            ]
        return codes

    def features(self, codes: NDArray[np.int32]) -> FeatureTable:
        """Return the features of designs whose codes are given."""
        counts = np.array([len(p.values) for p in self._varied], dtype=np.int32)
        ranks, kinds = codes[:, self._ordered], codes[:, self._kinds]
        scaled = ranks / (counts[self._ordered] - 1.0)
        return FeatureTable(
            np.where(ranks < 0, _INACTIVE_POSITION, scaled),
            np.where(kinds < 0, counts[self._kinds], kinds),
        )
