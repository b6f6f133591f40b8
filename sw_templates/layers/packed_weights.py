"""Weights of four bits, as TFLite packs them: two in each byte, also in the firmware."""

from abc import ABC
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.constants import packed_int4
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.tensor import ElementType


class PackedWeights(WeightedLayer, ABC):
    """A layer whose kernel reads rows of int4 weights, from -8 to 7; the rest is as with int8.

    ``row_bytes`` are those of a packed row: it stands for twice as many weights, whose last ones
    may be zeros that the file does not have.
    """

    __slots__ = ()

    weight_types: ClassVar[tuple[ElementType, ...]] = (ElementType.INT4,)
    for_int4: ClassVar[bool] = True

    def _stored_rows(self) -> npt.NDArray[np.int8]:
        return packed_int4(self._rows())
