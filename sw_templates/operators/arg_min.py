"""ARG_MIN: where the smallest element along a dimension is."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.extreme_layer import ExtremeLayer, extreme_prototype, extreme_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgMin(ExtremeLayer):
    """ARG_MIN."""

    operator: ClassVar[str] = "ARG_MIN"
    kernel: ClassVar[str] = "arg_min"
    structure: ClassVar[str] = extreme_structure("arg_min")
    prototype: ClassVar[str] = extreme_prototype("arg_min")


OPERATOR = ArgMin
