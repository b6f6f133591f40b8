"""SUM over any dimensions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.layers.reduce_layer import (
    REDUCE_FIELDS,
    ReduceLayer,
    reduce_prototype,
    reduce_structure,
)
from sw_templates.quantise import Multiplier
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(ReduceLayer):
    """SUM, as TFLite's reference kernel has it: it takes int8 for uint8.

    Elements and results below 0 count 256 more, before their zero points are taken off and the
    result is limited to 0 to 255. It agrees with the sum of the real numbers only where neither
    is below 0 as it is stored.
    """

    operator: ClassVar[str] = "SUM"
    kernel: ClassVar[str] = "reduce_sum"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ReducerOptions", fields=REDUCE_FIELDS
    )
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.sum
    structure: ClassVar[str] = reduce_structure("reduce_sum")
    prototype: ClassVar[str] = reduce_prototype("reduce_sum")

    @classmethod
    def output_scaling(cls, factor: Multiplier, count: int) -> Multiplier:
        """Return the factor."""
        del count
        return factor


OPERATOR = Sum
