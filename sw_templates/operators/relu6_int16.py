"""RELU6 of int16: the input, limited to from 0 to 6, at the output's scale."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.scaled_layer16 import Rectifier16, scaled_prototype, scaled_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class Relu6Int16(Rectifier16):
    """RELU6 on int16 as an operator of its own; most are fused into the one before."""

    operator: ClassVar[str] = "RELU6"
    kernel: ClassVar[str] = "relu6_int16"
    structure: ClassVar[str] = scaled_structure("relu6_int16")
    prototype: ClassVar[str] = scaled_prototype("relu6_int16")
    real_limits: ClassVar[tuple[float | None, float | None]] = (0.0, 6.0)


OPERATOR = Relu6Int16
