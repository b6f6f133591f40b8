"""MINIMUM: the smaller of two stored numbers, whatever their scales, as the reference has it."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.extremum_layer import ExtremumLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(ExtremumLayer):
    """MINIMUM; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MINIMUM"
    kernel: ClassVar[str] = "minimum"
    structure: ClassVar[str] = elementwise_structure("minimum", "")
    prototype: ClassVar[str] = elementwise_prototype("minimum")


OPERATOR = Minimum
