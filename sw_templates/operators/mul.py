"""MUL of two tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.graph.host_steps import HostFunction, arithmetic
from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.product_layer import ProductLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Mul(ProductLayer):
    """MUL; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MUL"
    kernel: ClassVar[str] = "mul"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="MulOptions", fields=("FusedActivationFunction",)
    )
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.multiply
    on_host: ClassVar[HostFunction | None] = arithmetic(np.multiply)
    structure: ClassVar[str] = elementwise_structure(
        "mul",
        """
    int32_t input1_zero_point, input2_zero_point, output_zero_point;
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
""",
    )
    prototype: ClassVar[str] = elementwise_prototype("mul")

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``; int16 has no zero points."""
        left, right = self.inputs
        return {
            "input1_zero_point": left.zero_point,
            "input2_zero_point": right.zero_point,
            "output_zero_point": self.output.zero_point,
            **ProductLayer.factors(self),
        }


OPERATOR = Mul
