"""AVERAGE_POOL_2D: the mean of each channel below a window; padding does not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from contracts.network import ChannelSum, Requantisation, Scale
from sw_templates.layer import ReferenceKernel
from sw_templates.layers.pool_layer import POOL_FIELDS, POOL_MEMBERS, PoolLayer
from sw_templates.layers.window import image_of
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
    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="pooling.h", function="AveragePool"
    )
    prototype: ClassVar[str] = """
void average_pool2d(const struct average_pool2d_layer *layer, const int8_t *input, int8_t *output,
                    int8_t *scratch);
"""

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for an int32 sum of each channel."""
        del row_align_bytes, scratch_rows
        return 4 * self.output.shape[3]

    def computation(self) -> ChannelSum | None:
        """See ``Layer.computation``; padding, which would not count, is the CPU's."""
        image, result = image_of(self.input), image_of(self.output)
        window = self.window.moving()
        if self.input.shape[0] != 1 or not window.lies_within(image, result):
            return None
        return ChannelSum(
            input=self.input.index,
            output=self.output.index,
            image=image,
            result=result,
            window=window,
            padding=0,
            weights=np.ones((window.kernel_height, window.kernel_width, image.channels), np.int8),
            requantisation=Requantisation(
                biases=(0,),
                scales=(_reciprocal(window.taps),),
                rounds_once=True,
                zero_point=0,
                least=self.activation.minimum,
                greatest=self.activation.maximum,
            ),
        )

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``: padding, too, which no ``Computation`` has."""
        return [self.means(values[0])]


def _reciprocal(count: int) -> Scale:
    """Return 1 / count such that sums of count int8, rounded once, are divided as the kernel does.

    The multiplier is the next one above, so what lies halfway goes away from zero; a sum is at
    most 128 * count, and the multiplier's error times that stays below the distance to the next
    half, 1 / (2 * count), as long as count < 2^22.
    """
    shift = -(count - 1).bit_length() + 1
    return Scale(multiplier=-((-1 << (31 - shift)) // count), shift=shift)


OPERATOR = AveragePool2d
