"""PRELU: the input, times a factor of its channel where it is negative."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.factor_layer import FACTOR_MEMBERS, FactorLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Prelu(FactorLayer):
    """PRELU; the second input holds the factors, for all elements or for the last dimensions."""

    operator: ClassVar[str] = "PRELU"
    kernel: ClassVar[str] = "prelu"
    structure: ClassVar[str] = elementwise_structure(
        "prelu",
        f"""
    int32_t input1_zero_point, input2_zero_point, output_zero_point;{FACTOR_MEMBERS}""",
    )
    prototype: ClassVar[str] = elementwise_prototype("prelu")

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        source, factors = self.inputs
        return {
            "input1_zero_point": source.zero_point,
            "input2_zero_point": factors.zero_point,
            "output_zero_point": self.output.zero_point,
            **FactorLayer.factors(self),
        }


OPERATOR = Prelu
