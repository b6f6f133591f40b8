"""SUB of two int16 tensors, each brought to a common scale first."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.sum_layer import SUM_OPTIONS, SumLayer
from sw_templates.layers.sum_scaling import SUM_MEMBERS
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class SubInt16(SumLayer):
    """SUB on int16 with scales that need not be powers of two, as converters write it."""

    operator: ClassVar[str] = "SUB"
    kernel: ClassVar[str] = "sub_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="SubOptions", fields=SUM_OPTIONS)
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = elementwise_structure("sub_int16", SUM_MEMBERS)
    prototype: ClassVar[str] = elementwise_prototype("sub_int16", "int16_t")
    sign: ClassVar[int] = -1


OPERATOR = SubInt16
