"""HARD_SWISH: x times relu6(x + 3) / 6, with the 16-bit arithmetic of TFLite's reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.table_layer import TableLayer, table_prototype, table_structure
from sw_templates.quantise import (
    Multiplier,
    kernel_multiplier,
    rounding_divide_by_power_of_two,
    to_float32,
)
from sw_templates.tensor import Tensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class HardSwish(TableLayer):
    """HARD_SWISH."""

    operator: ClassVar[str] = "HARD_SWISH"
    kernel: ClassVar[str] = "hard_swish"
    structure: ClassVar[str] = table_structure("hard_swish")
    prototype: ClassVar[str] = table_prototype("hard_swish")

    @classmethod
    def function(cls, node: Node, source: Tensor, output: Tensor) -> Callable[[int], int]:
        """See ``TableLayer.function``."""
        del node
        hires_scale = to_float32(source.scale / 128)
        outer = _multiplier16(to_float32(hires_scale / output.scale))
        if not -15 <= outer.shift <= 0:
            raise ValueError(f"the output's scale {output.scale!r} is too far from the input's")
        inner = _multiplier16(to_float32(hires_scale / to_float32(3 / 32768)))

        def of(steps: int) -> int:
            hires = steps * 128
            preshift = _multiply16(hires, outer.multiplier)
            gate = _multiply16(_shift16(hires, max(inner.shift - 1, 0)), inner.multiplier)
            gate = _shift16(gate, min(inner.shift, 1))
            gate = (gate + (1 << 15)) >> 1
            product = int(gate * preshift / (1 << 15))  # towards zero; exact in a float
            return rounding_divide_by_power_of_two(product, -outer.shift) + output.zero_point

        return of


def _multiplier16(value: float) -> Multiplier:
    """Return the closest Q15 mantissa and exponent, made from the Q31 one as TFLite does."""
    wide = kernel_multiplier(value)
    return Multiplier(multiplier=min((wide.multiplier + (1 << 15)) >> 16, 32767), shift=wide.shift)


def _multiply16(a: int, b: int) -> int:
    """Gemmlowp's product of two Q15 numbers, rounded to nearest; ``b`` is not negative."""
    return (a * b + (1 << 14)) >> 15


def _shift16(value: int, shift: int) -> int:
    """Shift left with saturation to 16 bits, or right with rounding."""
    if shift < 0:
        return rounding_divide_by_power_of_two(value, -shift)
    return min(max(value << shift, -32768), 32767)


OPERATOR = HardSwish
