"""BATCH_MATMUL: products of matrices, either of which may be transposed, batch by batch."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.matmul_layer import MatmulLayer, matmul_structure
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMatmul(MatmulLayer):
    """BATCH_MATMUL of int8."""

    operator: ClassVar[str] = "BATCH_MATMUL"
    kernel: ClassVar[str] = "batch_matmul"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="BatchMatMulOptions", fields=("AdjX", "AdjY")
    )
    structure: ClassVar[str] = matmul_structure(
        "batch_matmul",
        """int32_t left_zero_point, right_zero_point, output_zero_point;
    int32_t output_multiplier, output_shift;""",
    )
    prototype: ClassVar[str] = """
void batch_matmul(const struct batch_matmul_layer *layer, const int8_t *left, const int8_t *right,
                  int8_t *output);
"""

    def factors(self) -> dict[str, int | str]:
        """See ``MatmulLayer.factors``."""
        left, right = self.inputs
        return {
            "left_zero_point": left.zero_point,
            "right_zero_point": right.zero_point,
            "output_zero_point": self.output.zero_point,
            "output_multiplier": self.scaling.multiplier,
            "output_shift": self.scaling.shift,
        }


OPERATOR = BatchMatmul
