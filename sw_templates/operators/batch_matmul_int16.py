"""BATCH_MATMUL of int16: products of matrices, batch by batch."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.matmul_layer import MatmulLayer, matmul_structure
from sw_templates.layers.weighted_layer16 import short_multiplier
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMatmulInt16(MatmulLayer):
    """BATCH_MATMUL on int16: 64-bit sums, a multiplier of 15 bits."""

    operator: ClassVar[str] = "BATCH_MATMUL"
    kernel: ClassVar[str] = "batch_matmul_int16"
    for_int16: ClassVar[bool] = True
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="BatchMatMulOptions", fields=("AdjX", "AdjY")
    )
    structure: ClassVar[str] = matmul_structure(
        "batch_matmul_int16",
        "int32_t output_multiplier, output_shift; /* how many bits to the right */",
    )
    prototype: ClassVar[str] = """
void batch_matmul_int16(const struct batch_matmul_int16_layer *layer, const int16_t *left,
                        const int16_t *right, int16_t *output);
"""

    def factors(self) -> dict[str, int | str]:
        """See ``MatmulLayer.factors``."""
        return {
            "output_multiplier": short_multiplier(self.scaling.multiplier),
            "output_shift": 15 - self.scaling.shift,
        }


OPERATOR = BatchMatmulInt16
