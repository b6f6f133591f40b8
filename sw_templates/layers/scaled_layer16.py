"""What unary operators on int16 share that only scale, limit or take a magnitude."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layer import Layer
from sw_templates.quantise import Multiplier, activation_range, kernel_multiplier, to_float32
from sw_templates.tensor import ActivationRange, Tensor
from sw_templates.tflite_node import INT16, Node


def scaled_structure(kernel: str) -> str:
    """Return the C structure of the kernel of a :class:`ScaledLayer16`."""
    return f"""
struct {kernel}_layer {{
    int32_t size; /* elements */
    int32_t is_scaled; /* else the output has the input's scale */
    int32_t multiplier, shift;
    int32_t activation_min, activation_max;
}};
"""


def scaled_prototype(kernel: str) -> str:
    """Return the C prototype of the kernel of a :class:`ScaledLayer16`."""
    return f"""
void {kernel}(const struct {kernel}_layer *layer, const int16_t *input, int16_t *output);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledLayer16(Layer, ABC):
    """A layer of which each output element is one of the input, scaled and limited.

    Its C template sets ``kernel`` and ``of``, an expression of ``value``, and includes
    ``scale16.inc``.

    Attributes:
        factor: From the input's scale to the output's; None where there is none.
        limits: Of the output.
    """

    for_int16: ClassVar[bool] = True
    keeps_shape: ClassVar[bool] = True

    factor: Multiplier | None
    limits: ActivationRange

    @classmethod
    @abstractmethod
    def scaling(cls, source: Tensor, output: Tensor) -> Multiplier | None:
        """Return the factor; ValueError where the output's scale is far below the input's."""

    @classmethod
    @abstractmethod
    def output_limits(cls, output: Tensor) -> ActivationRange:
        """Return what the output is limited to."""

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        source, output = node.activation(0, INT16), node.output(INT16)
        node.require_shape(output, source.shape)
        return cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            factor=cls.scaling(source, output),
            limits=cls.output_limits(output),
        )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {
            "size": self.output.elements,
            "is_scaled": int(self.factor is not None),
            "multiplier": 0 if self.factor is None else self.factor.multiplier,
            "shift": 0 if self.factor is None else self.factor.shift,
            **self.limits.fields,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectifier16(ScaledLayer16, ABC):
    """A rectifier that only limits its input.

    Class attributes:
        real_limits: The least and the largest real number that comes out, None for no limit.
    """

    real_limits: ClassVar[tuple[float | None, float | None]]

    @classmethod
    def scaling(cls, source: Tensor, output: Tensor) -> Multiplier:
        """See ``ScaledLayer16.scaling``."""
        return kernel_multiplier(to_float32(source.scale / output.scale))  # a float quotient

    @classmethod
    def output_limits(cls, output: Tensor) -> ActivationRange:
        """See ``ScaledLayer16.output_limits``."""
        return activation_range(*cls.real_limits, scale=output.scale, zero_point=0, bits=16)
