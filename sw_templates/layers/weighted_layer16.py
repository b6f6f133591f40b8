"""What layers of int16 activations and int8 weights share: 64-bit sums, a short multiplier."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from sw_templates import quantise
from sw_templates.constants import (
    Constant,
    int32_constant,
    int64_constant,
    padded_rows,
    table_constant,
    tensor_values,
)
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_node import Node

WEIGHT_MEMBERS = """\
    int32_t activation_min, activation_max;
    int32_t row_bytes;
    const int8_t *weights;      /* by rows of row_bytes */
    const int64_t *bias;        /* by output channel */
    const int32_t *multipliers; /* by output channel */
    const int32_t *shifts;      /* by output channel, how many bits to the right */
"""
"""Members of the C structures, for ``requantise16.h``."""

_MOST_SHIFT = 7  # TFLite's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedLayer16(WeightedLayer, ABC):
    """A layer with int16 activations, whose zero points are 0, and a bias of int64 or int32.

    Class attributes:
        multiplier_bits: 15 or 31: how exact TFLite's multiplier is.
    """

    for_int16: ClassVar[bool] = True
    multiplier_bits: ClassVar[int] = 15

    def weight_fields(self, row_align_bytes: int) -> dict[str, int | str]:
        """Return the values of ``WEIGHT_MEMBERS``."""
        names = ("weights", "bias", "multipliers", "shifts")
        return {
            **self.activation.fields,
            "row_bytes": self.row_bytes(row_align_bytes),
            **{name: f"{self.name}_{name}" for name in names},
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return weights by padded rows, bias, multipliers and shifts by channel."""
        rows = self._rows()
        channels = rows.shape[1 if self.channels_in_row else 0]
        bias = [0] * channels
        if self.bias is not None:
            bias = [int(value) for value in tensor_values(self.bias).reshape(-1)]
        factors = quantise.channel_multipliers(
            self.input.scale,
            self.weights.scales,
            self.output.scale,
            channels,
            is_rounded_up=self.multiplies_as_double,
        )
        name = self.name
        return (
            table_constant(f"{name}_weights", padded_rows(rows, row_align_bytes)),
            int64_constant(f"{name}_bias", bias),
            int32_constant(
                f"{name}_multipliers", [self._bits(each.multiplier) for each in factors]
            ),
            int32_constant(
                f"{name}_shifts", [self.multiplier_bits - each.shift for each in factors]
            ),
        )

    def _bits(self, multiplier: int) -> int:
        """Return a multiplier of 31 bits as the kernel has it, rounded as TFLite does."""
        return multiplier if self.multiplier_bits == 31 else short_multiplier(multiplier)


def short_multiplier(multiplier: int) -> int:
    """Return a multiplier of 31 bits as one of 15, rounded as TFLite does."""
    return (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF


def require_bias16(node: Node, channels: int, *, bits: int) -> Tensor | None:
    """Return the third input, a bias whose values have at most ``bits`` bits; None for none."""
    bias = node.bias(channels, types=(ElementType.INT64, ElementType.INT32))
    if bias is not None and any(abs(int(v)) >> bits for v in tensor_values(bias).reshape(-1)):
        node.refuse(bias.index, f"holds a bias of more than {bits} bits")
    return bias


def require_scales16(node: Node, source: Tensor, weights: Tensor, output: Tensor) -> None:
    """Check that every channel's factor is one that TFLite takes; ValueError says which not."""
    factors = quantise.channel_multipliers(
        source.scale, weights.scales, output.scale, len(weights.scales)
    )
    if any(factor.shift > _MOST_SHIFT for factor in factors):
        node.refuse(output.index, "has a scale that is far below its input's")
