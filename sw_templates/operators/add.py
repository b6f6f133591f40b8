"""ADD of two tensors, each brought to a common scale first."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.sum_layer import SUM_OPTIONS, SumLayer
from sw_templates.layers.sum_scaling import SUM_MEMBERS
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(SumLayer):
    """ADD; one of the inputs may be a constant."""

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="AddOptions", fields=SUM_OPTIONS)
    structure: ClassVar[str] = elementwise_structure("add", SUM_MEMBERS)
    prototype: ClassVar[str] = elementwise_prototype("add")


OPERATOR = Add
