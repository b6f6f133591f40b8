"""ADD of two tensors of the same shape, each brought to a common scale first."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layer import Layer
from sw_templates.quantise import Multiplier, quantise_multiplier
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node

LEFT_SHIFT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AddScaling:
    """How ADD brings its inputs to a common scale and their sum to the output's."""

    input1: Multiplier
    input2: Multiplier
    output: Multiplier


def add_scaling(input1_scale: float, input2_scale: float, output_scale: float) -> AddScaling:
    """Return the three multipliers of ADD.

    Raises:
        ValueError: A scale is 0, or the output's is so small that its multiplier reaches 1. At
            both, TFLite ends the process.
    """
    if 0.0 in (input1_scale, input2_scale, output_scale):
        raise ValueError("ADD has a scale that is 0")
    common = 2.0 * max(input1_scale, input2_scale)
    factors = (
        input1_scale / common,
        input2_scale / common,
        common / ((1 << LEFT_SHIFT) * output_scale),
    )
    for factor in factors:
        if not 0.0 < factor < 1.0:
            raise ValueError(f"scale factor {factor!r} of ADD is not between 0 and 1")
    input1, input2, output = (quantise_multiplier(factor) for factor in factors)
    return AddScaling(input1=input1, input2=input2, output=output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Layer):
    """ADD; one of the inputs may be a constant."""

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="AddOptions", fields=("FusedActivationFunction",)
    )
    structure: ClassVar[str] = """
struct add_layer {
    int32_t size; /* elements */
    int32_t input1_zero_point, input2_zero_point, output_zero_point;
    int32_t left_shift;
    int32_t input1_multiplier, input1_shift;
    int32_t input2_multiplier, input2_shift;
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
};
"""
    prototype: ClassVar[str] = """
void add(const struct add_layer *layer, const int8_t *input1, const int8_t *input2,
         int8_t *output);
"""

    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(2, 2)
        left, right, output = node.activation(0), node.activation(1), node.output()
        if not left.shape == right.shape == output.shape:
            node.refuse(
                right.index,
                f"has the shape {right.shape}, the other {left.shape}",
                fix="broadcasting is not supported: add tensors of the same shape",
            )
        add_scaling(left.scale, right.scale, output.scale)
        return cls(
            index=node.index,
            inputs=(left, right),
            outputs=(output,),
            activation=node.fused_activation(output),
        )

    @property
    def output_range(self) -> ActivationRange:
        """See ``Layer.output_range``."""
        return self.activation

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        left, right = self.inputs
        scaling = add_scaling(left.scale, right.scale, self.output.scale)
        return {
            "size": self.output.elements,
            "left_shift": LEFT_SHIFT,
            "input1_zero_point": left.zero_point,
            "input1_multiplier": scaling.input1.multiplier,
            "input1_shift": scaling.input1.shift,
            "input2_zero_point": right.zero_point,
            "input2_multiplier": scaling.input2.multiplier,
            "input2_shift": scaling.input2.shift,
            "output_zero_point": self.output.zero_point,
            "output_multiplier": scaling.output.multiplier,
            "output_shift": scaling.output.shift,
            **self.activation.fields,
        }


OPERATOR = Add
