"""ARG_MAX: where the largest element along a dimension is."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.extreme_layer import ExtremeLayer, extreme_prototype, extreme_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgMax(ExtremeLayer):
    """ARG_MAX."""

    operator: ClassVar[str] = "ARG_MAX"
    kernel: ClassVar[str] = "arg_max"
    structure: ClassVar[str] = extreme_structure("arg_max")
    prototype: ClassVar[str] = extreme_prototype("arg_max")


OPERATOR = ArgMax
