"""FULLY_CONNECTED: each output from every input."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layer import ReferenceKernel
from sw_templates.layers.dense_layer import DENSE_FIELDS, DenseLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnected(DenseLayer):
    """FULLY_CONNECTED; weights are [output, input]."""

    operator: ClassVar[str] = "FULLY_CONNECTED"
    kernel: ClassVar[str] = "fully_connected"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="FullyConnectedOptions", fields=DENSE_FIELDS
    )
    structure: ClassVar[str] = """
struct fully_connected_layer {
    int32_t batches, input_depth, output_depth;
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    int32_t is_per_channel;     /* not all outputs have the same multiplier */
    int32_t row_bytes;          /* one output: input_depth */
    int32_t scratch_bytes;      /* at least row_bytes */
    const int8_t *weights;      /* [output_depth][row_bytes] */
    const int32_t *bias;        /* [output_depth] */
    const int32_t *multipliers; /* [output_depth] */
    const int32_t *shifts;      /* [output_depth] */
};
"""
    prototype: ClassVar[str] = """
void fully_connected(const struct fully_connected_layer *layer, const int8_t *input,
                     int8_t *output, int8_t *scratch);
"""

    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="fully_connected.h", function="FullyConnected"
    )

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        return {
            **DenseLayer.fields(self, row_align_bytes=row_align_bytes),
            "is_per_channel": int(self._is_per_channel),
        }

    def further_reference_functions(self) -> tuple[str, ...]:
        """See ``Layer.further_reference_functions``."""
        return ("FullyConnectedPerChannel",) if self._is_per_channel else ()

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """See ``Layer.scratch_bytes``."""
        del scratch_rows
        return self.row_bytes(row_align_bytes)

    @property
    def _is_per_channel(self) -> bool:
        return len(self.weights.scales) > 1


OPERATOR = FullyConnected
