"""NEG of int16: the stored number with the other sign, whatever the scales."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.scaled_layer16 import ScaledLayer16, scaled_prototype, scaled_structure
from sw_templates.quantise import Multiplier
from sw_templates.tensor import ActivationRange, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class NegInt16(ScaledLayer16):
    """NEG on int16."""

    operator: ClassVar[str] = "NEG"
    kernel: ClassVar[str] = "neg_int16"
    structure: ClassVar[str] = scaled_structure("neg_int16")
    prototype: ClassVar[str] = scaled_prototype("neg_int16")

    @classmethod
    def scaling(cls, source: Tensor, output: Tensor) -> Multiplier | None:
        """See ``ScaledLayer16.scaling``."""
        del source, output
        return None

    @classmethod
    def output_limits(cls, output: Tensor) -> ActivationRange:
        """See ``ScaledLayer16.output_limits``."""
        del output
        return ActivationRange(minimum=-(1 << 15), maximum=(1 << 15) - 1)


OPERATOR = NegInt16
