"""Operators that put tensors side by side: CONCATENATION and PACK."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, int32_constant
from sw_templates.layer import Layer

MAX_INPUTS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class JoiningLayer(Layer, ABC):
    """A layer whose output holds, row by row, a piece of each input.

    Attributes:
        axis: Of the output; a row is all from there on.
    """

    has_input_list: ClassVar[bool] = True

    axis: int

    @property
    def rows(self) -> int:
        """How many rows the output has."""
        return prod(self.output.shape[: self.axis])

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {"inputs": len(self.inputs), "rows": self.rows, "bytes": f"{self.name}_bytes"}

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the bytes that each input gives to a row."""
        del row_align_bytes
        pieces = [tensor.size_bytes // self.rows for tensor in self.inputs]
        return (int32_constant(f"{self.name}_bytes", pieces),)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``."""
        return [np.concatenate([each.reshape(self.rows, -1) for each in values], axis=1)]
