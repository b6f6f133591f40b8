"""AVERAGE_POOL_2D: the mean of each channel below a window; padding does not count."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.pool_layer import POOL_FIELDS, POOL_MEMBERS, PoolLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePool2d(PoolLayer):
    """AVERAGE_POOL_2D."""

    operator: ClassVar[str] = "AVERAGE_POOL_2D"
    kernel: ClassVar[str] = "average_pool2d"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="Pool2DOptions", fields=POOL_FIELDS)
    structure: ClassVar[str] = f"""
struct average_pool2d_layer {{
{POOL_MEMBERS}    int32_t scratch_bytes; /* at least 4 x channels */
}};
"""
    prototype: ClassVar[str] = """
void average_pool2d(const struct average_pool2d_layer *layer, const int8_t *input, int8_t *output,
                    int8_t *scratch);
"""

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for an int32 sum of each channel."""
        del row_align_bytes, scratch_rows
        return 4 * self.output.shape[3]


OPERATOR = AveragePool2d
