"""RELU of int16: the input, limited to at least 0, at the output's scale."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.scaled_layer16 import Rectifier16, scaled_prototype, scaled_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class ReluInt16(Rectifier16):
    """RELU on int16 as an operator of its own; most are fused into the one before."""

    operator: ClassVar[str] = "RELU"
    kernel: ClassVar[str] = "relu_int16"
    structure: ClassVar[str] = scaled_structure("relu_int16")
    prototype: ClassVar[str] = scaled_prototype("relu_int16")
    real_limits: ClassVar[tuple[float | None, float | None]] = (0.0, None)


OPERATOR = ReluInt16
