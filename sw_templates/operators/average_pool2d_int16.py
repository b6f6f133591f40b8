"""AVERAGE_POOL_2D of int16: padding does not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from sw_templates.layers.pool_layer import POOL_FIELDS, POOL_MEMBERS, PoolLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePool2dInt16(PoolLayer):
    """AVERAGE_POOL_2D on int16."""

    operator: ClassVar[str] = "AVERAGE_POOL_2D"
    kernel: ClassVar[str] = "average_pool2d_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="Pool2DOptions", fields=POOL_FIELDS)
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = f"struct average_pool2d_int16_layer {{\n{POOL_MEMBERS}}};\n"
    prototype: ClassVar[str] = """
void average_pool2d_int16(const struct average_pool2d_int16_layer *layer, const int16_t *input,
         int16_t *output);
"""

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``: padding, too, which no ``Computation`` has."""
        return [self.means(values[0])]


OPERATOR = AveragePool2dInt16
