"""ADD of two tensors, each brought to a common scale first."""

from dataclasses import dataclass
from typing import ClassVar

from contracts.network import Requantisation, TensorSum
from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.sum_layer import SUM_OPTIONS, SumLayer
from sw_templates.layers.sum_scaling import LEFT_SHIFT, SUM_MEMBERS, sum_scaling
from sw_templates.layers.window import image_of
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(SumLayer):
    """ADD; one of the inputs may be a constant."""

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="AddOptions", fields=SUM_OPTIONS)
    structure: ClassVar[str] = elementwise_structure("add", SUM_MEMBERS)
    prototype: ClassVar[str] = elementwise_prototype("add")

    def computation(self) -> TensorSum | None:
        """See ``Layer.computation``; broadcasting is the CPU's."""
        left, right = self.inputs
        if left.shape != right.shape:
            return None
        scaling = sum_scaling(left.scale, right.scale, self.output.scale)
        return TensorSum(
            inputs=(left.index, right.index),
            output=self.output.index,
            image=image_of(self.output),
            left_shift=LEFT_SHIFT,
            zero_points=(left.zero_point, right.zero_point),
            scales=(scaling.input1.scale, scaling.input2.scale),
            requantisation=Requantisation(
                biases=(0,),
                scales=(scaling.output.scale,),
                rounds_once=False,
                zero_point=self.output.zero_point,
                least=self.activation.minimum,
                greatest=self.activation.maximum,
            ),
        )


OPERATOR = Add
