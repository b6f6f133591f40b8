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
        varied = [p for p in space.parameters if len(p.values) > 1]
        self._ordered = [p for p in varied if p.ordered]
        self._kinds = [p for p in varied if not p.ordered]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters behind the features, continuous ones first."""
        return tuple(p.name for p in (*self._ordered, *self._kinds))

    @property
    def categories(self) -> tuple[int, ...]:
        """How many numbers each categorical feature may be, that of no value included."""
        return tuple(len(p.values) + 1 for p in self._kinds)

    def encode(self, designs: Sequence[Design]) -> FeatureTable:
        """Return the features, in the order of the designs."""
        continuous = np.full((len(designs), len(self._ordered)), _INACTIVE_POSITION)
        for column, p in enumerate(self._ordered):
            scaled = {repr(v): rank / (len(p.values) - 1) for rank, v in enumerate(p.values)}
            for row, design in enumerate(designs):
                if p.name in design.values:
                    continuous[row, column] = scaled[repr(design.values[p.name])]
        categorical = np.zeros((len(designs), len(self._kinds)), dtype=np.int32)
        for column, p in enumerate(self._kinds):
            number = {repr(v): rank for rank, v in enumerate(p.values)}
            for row, design in enumerate(designs):
                if p.name in design.values:
                    categorical[row, column] = number[repr(design.values[p.name])]
                else:
                    categorical[row, column] = len(p.values)
        return FeatureTable(continuous, categorical)
