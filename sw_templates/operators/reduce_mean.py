"""MEAN over any dimensions."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.reduce_layer import (
    REDUCE_FIELDS,
    ReduceLayer,
    reduce_prototype,
    reduce_structure,
)
from sw_templates.quantise import Multiplier
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(ReduceLayer):
    """MEAN."""

    operator: ClassVar[str] = "MEAN"
    kernel: ClassVar[str] = "reduce_mean"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ReducerOptions", fields=REDUCE_FIELDS
    )
    structure: ClassVar[str] = reduce_structure("reduce_mean")
    prototype: ClassVar[str] = reduce_prototype("reduce_mean")

    @classmethod
    def output_scaling(cls, factor: Multiplier, count: int) -> Multiplier:
        """Return the factor divided by the count, as the reference kernel does, without a float."""
        bits = min(count.bit_length() - 1, 32, 31 + factor.shift)
        return Multiplier(
            multiplier=(factor.multiplier << bits) // count, shift=factor.shift - bits
        )


OPERATOR = Mean
