"""SOFTMAX over the last dimension, with the fixed-point exponentials of TFLite's reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from sw_templates.constants import Constant, int32_constant
from sw_templates.graph.host_steps import HostFunction, softmax_of_rows
from sw_templates.layer import Layer, ReferenceKernel
from sw_templates.layers.exact import divide_by_power_of_two, doubling_high_multiply
from sw_templates.layers.fixed_point import exponentials, reciprocal_of_one_plus
from sw_templates.quantise import INT32_MAX
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node

SCALE_TOLERANCE = 0.001 / 256  # TFLite's, of the output
_SUM_INTEGER_BITS = 12  # of the sum of exponentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Layer):
    """SOFTMAX of each row; the output has the scale 1/256 and the zero point -128."""

    operator: ClassVar[str] = "SOFTMAX"
    kernel: ClassVar[str] = "softmax"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="SoftmaxOptions", fields=("Beta",))
    on_host: ClassVar[HostFunction | None] = HostFunction(
        compute=softmax_of_rows, takes="beta", is_before=False
    )
    keeps_shape: ClassVar[bool] = True
    structure: ClassVar[str] = """
struct softmax_layer {
    int32_t rows, depth;
    int32_t input_multiplier, input_left_shift; /* what makes Q5.26 of a difference of inputs */
    int32_t least_difference;                   /* below it an exponential is dropped */
    const int32_t *exponentials; /* [256]: exp(-scale * beta * i) in Q31, 0 where it is dropped */
};
"""
    prototype: ClassVar[str] = """
void softmax(const struct softmax_layer *layer, const int8_t *input, int8_t *output);
"""

    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="softmax.h", function="Softmax", namespace="reference_ops"
    )

    beta: float

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        vector, output = node.activation(0), node.output()
        node.require_shape(output, vector.shape)
        beta = float(node.option("Beta"))
        if not vector.shape:
            node.refuse(vector.index, "has no dimensions")
        if abs(output.scale - 1 / 256) > SCALE_TOLERANCE or output.zero_point != -128:
            node.refuse(output.index, "needs the scale 1/256 and the zero point -128")
        exponentials(beta, vector.scale)
        return cls(index=node.index, inputs=(vector,), outputs=(output,), beta=beta)

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        depth = self.input.shape[-1]
        scaled = exponentials(self.beta, self.input.scale)
        return {
            "rows": self.input.elements // depth,
            "depth": depth,
            "input_multiplier": scaled.scaling.multiplier,
            "input_left_shift": scaled.scaling.shift,
            "least_difference": -scaled.radius,
            "exponentials": f"{self.name}_exponentials",
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table of exponentials."""
        del row_align_bytes
        table = exponentials(self.beta, self.input.scale).table
        return (int32_constant(f"{self.name}_exponentials", table),)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``: the exponentials divided by their sum, which has 12 bits more."""
        rows = values[0].reshape(-1, self.input.shape[-1]).astype(np.int64)
        table = np.array(exponentials(self.beta, self.input.scale).table, dtype=np.int64)
        parts = table[rows.max(axis=1, keepdims=True) - rows]
        sums = divide_by_power_of_two(parts, np.int64(_SUM_INTEGER_BITS)).sum(axis=1).tolist()
        outputs = []
        for row, exact_sum in zip(parts, sums, strict=True):
            total = min(exact_sum, INT32_MAX)
            headroom = 32 - total.bit_length()
            scale = reciprocal_of_one_plus((total << headroom) - (1 << 31))
            shift = _SUM_INTEGER_BITS - headroom + 31 - 8
            quotients = doubling_high_multiply(row, np.int64(scale))
            # from a sum of 512 on every element is below half a step
            steps = divide_by_power_of_two(quotients, np.int64(shift)) if shift <= 31 else 0 * row
            outputs.append(np.clip(steps - 128, -128, 127))
        return [np.array(outputs).astype(np.int8)]


OPERATOR = Softmax
