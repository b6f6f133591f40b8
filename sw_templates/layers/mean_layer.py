"""What MEAN on int8 and on int16 share: the scaling of a sum by its count."""

from abc import ABC
from dataclasses import dataclass

from sw_templates.layers.reduce_layer import ReduceLayer
from sw_templates.quantise import Multiplier


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanLayer(ReduceLayer, ABC):
    """A layer that averages all elements of some dimensions."""

    @classmethod
    def output_scaling(cls, factor: Multiplier, count: int) -> Multiplier:
        """Return the factor divided by the count, as the reference kernel does, without a float."""
        bits = min(count.bit_length() - 1, 32, 31 + factor.shift)
        return Multiplier(
            multiplier=(factor.multiplier << bits) // count, shift=factor.shift - bits
        )
