"""MINIMUM of two int16 tensors."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.extremum_layer import ExtremumLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumInt16(ExtremumLayer):
    """MINIMUM on int16; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MINIMUM"
    kernel: ClassVar[str] = "minimum_int16"
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = elementwise_structure("minimum_int16", "")
    prototype: ClassVar[str] = elementwise_prototype("minimum_int16", "int16_t")


OPERATOR = MinimumInt16
