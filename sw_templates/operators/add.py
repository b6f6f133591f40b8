"""ADD of two tensors, each brought to a common scale first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from contracts.network import Requantisation, TensorSum
from sw_templates.constants import Constant, int32_constant
from sw_templates.graph.host_steps import HostFunction, arithmetic
from sw_templates.layer import ReferenceKernel
from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.sum_layer import SUM_OPTIONS, SumLayer
from sw_templates.layers.sum_scaling import LEFT_SHIFT, SUM_MEMBERS, sum_scaling
from sw_templates.layers.window import image_of
from sw_templates.tflite_file import OptionsTable

_KERNEL_DIMENSIONS = 4
_MOST_DIMENSIONS = 6
_SHAPE_MEMBERS = """
    int32_t dimensions;    /* of a shape, for TFLite's own kernel; 0 for others */
    const int32_t *shapes; /* [3][dimensions]: of the inputs, with ones in front, and the output */
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(SumLayer):
    """ADD; one of the inputs may be a constant.

    Attributes:
        is_for_reference_kernel: See ``Layer.for_reference_kernel``; that kernel is told shapes.
    """

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="AddOptions", fields=SUM_OPTIONS)
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.add
    on_host: ClassVar[HostFunction | None] = arithmetic(np.add)
    structure: ClassVar[str] = elementwise_structure(
        "add", _SHAPE_MEMBERS + SUM_MEMBERS.lstrip("\n")
    )
    prototype: ClassVar[str] = elementwise_prototype("add")

    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(header="add.h", function="Add")

    is_for_reference_kernel: bool = False

    def for_reference_kernel(self) -> Self:
        """See ``Layer.for_reference_kernel``."""
        return replace(self, is_for_reference_kernel=True)

    def factors(self) -> dict[str, int | str]:
        """See ``ElementwiseLayer.factors``."""
        factors = SumLayer.factors(self)
        if not self.is_for_reference_kernel:
            return {**factors, "dimensions": 0, "shapes": 0}
        return {
            **factors,
            "dimensions": len(self._shapes()[0]),
            "shapes": f"{self.name}_shapes",
        }

    def further_reference_functions(self) -> tuple[str, ...]:
        """See ``Layer.further_reference_functions``: another function broadcasts."""
        left, right = self.inputs
        if left.shape == right.shape:
            return ()
        dimensions = len(self._shapes()[0])
        if dimensions > _MOST_DIMENSIONS:
            raise ConfigError(
                f"layer {self.name} broadcasts {dimensions} dimensions, a shape of a reference"
                f" kernel has at most {_MOST_DIMENSIONS}",
                fix=f"leave {self.kernel} out of the family's kernel_headers: our kernel runs it",
            )
        is_few = dimensions <= _KERNEL_DIMENSIONS
        return ("BroadcastAdd6DSlow", *(["BroadcastAdd4DSlow"] if is_few else []))

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the table of the loops, and the shapes where the kernel is told them."""
        arrays = SumLayer.arrays(self, row_align_bytes=row_align_bytes)
        if not self.is_for_reference_kernel:
            return arrays
        sizes = [size for shape in self._shapes() for size in shape]
        return (*arrays, int32_constant(f"{self.name}_shapes", sizes))

    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of inputs and output, each of as many dimensions as the output.

        TFLite's kernel goes through four: of more, neighbours that are broadcast alike become one.
        """
        dimensions = len(self.output.shape)
        shapes = [
            (1,) * (dimensions - len(tensor.shape)) + tuple(tensor.shape)
            for tensor in (*self.inputs, self.output)
        ]
        if dimensions <= _KERNEL_DIMENSIONS:
            return tuple(shapes)
        merged: list[list[int]] = []
        kind = None
        for left, right, result in zip(*shapes, strict=True):
            if result == 1:
                continue
            if (left == right, left == 1) == kind:
                merged[-1] = [a * b for a, b in zip(merged[-1], (left, right, result), strict=True)]
            else:
                merged.append([left, right, result])
                kind = (left == right, left == 1)
        merged = merged or [[1, 1, 1]]
        return tuple(tuple(each[at] for each in merged) for at in range(3))

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
