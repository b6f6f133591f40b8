"""ABS of int16: the magnitude, at the output's scale."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.scaled_layer16 import ScaledLayer16, scaled_prototype, scaled_structure
from sw_templates.quantise import Multiplier, kernel_multiplier, to_float32
from sw_templates.tensor import ActivationRange, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsInt16(ScaledLayer16):
    """ABS on int16."""

    operator: ClassVar[str] = "ABS"
    kernel: ClassVar[str] = "absolute_int16"
    structure: ClassVar[str] = scaled_structure("absolute_int16")
    prototype: ClassVar[str] = scaled_prototype("absolute_int16")

    @classmethod
    def scaling(cls, source: Tensor, output: Tensor) -> Multiplier | None:
        """See ``ScaledLayer16.scaling``."""
        if source.scale == output.scale:
            return None
        return kernel_multiplier(to_float32(source.scale / output.scale))

    @classmethod
    def output_limits(cls, output: Tensor) -> ActivationRange:
        """See ``ScaledLayer16.output_limits``."""
        del output
        return ActivationRange(minimum=-(1 << 15), maximum=(1 << 15) - 1)


OPERATOR = AbsInt16
