"""MEAN over any dimensions."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.quantise import Multiplier
from sw_templates.reduce_layer import ReduceLayer, reduce_prototype, reduce_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(ReduceLayer):
    """MEAN."""

    operator: ClassVar[str] = "MEAN"
    kernel: ClassVar[str] = "mean"
    structure: ClassVar[str] = reduce_structure("mean")
    prototype: ClassVar[str] = reduce_prototype("mean")

    @classmethod
    def output_scaling(cls, factor: Multiplier, count: int) -> Multiplier:
        """Return the factor divided by the count, as the reference kernel does, without a float."""
        bits = min(count.bit_length() - 1, 32, 31 + factor.shift)
        return Multiplier(
            multiplier=(factor.multiplier << bits) // count, shift=factor.shift - bits
        )


OPERATOR = Mean
