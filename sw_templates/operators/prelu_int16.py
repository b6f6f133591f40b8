"""PRELU of int16: the input, times a factor of its channel where it is negative."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_structure
from sw_templates.layers.factor_layer import FACTOR_MEMBERS, FactorLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class PreluInt16(FactorLayer):
    """PRELU on int16 with factors of int8, as TFLite's reference kernel takes them."""

    operator: ClassVar[str] = "PRELU"
    kernel: ClassVar[str] = "prelu_int16"
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = elementwise_structure(
        "prelu_int16", f"\n    int32_t input2_zero_point;{FACTOR_MEMBERS}"
    )
    prototype: ClassVar[str] = """
void prelu_int16(const struct prelu_int16_layer *layer, const int16_t *input1,
                 const int8_t *input2, int16_t *output);
"""

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        return {"input2_zero_point": self.inputs[1].zero_point, **FactorLayer.factors(self)}


OPERATOR = PreluInt16
