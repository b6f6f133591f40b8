"""MUL of two int16 tensors."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.product_layer import ProductLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MulInt16(ProductLayer):
    """MUL on int16; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MUL"
    kernel: ClassVar[str] = "mul_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="MulOptions", fields=("FusedActivationFunction",)
    )
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = elementwise_structure(
        "mul_int16",
        """
    int32_t output_multiplier, output_shift;
    int32_t activation_min, activation_max;
""",
    )
    prototype: ClassVar[str] = elementwise_prototype("mul_int16", "int16_t")


OPERATOR = MulInt16
