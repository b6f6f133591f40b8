"""MAX_POOL_2D: the largest of each channel below a window; padding does not count."""

from dataclasses import dataclass
from typing import ClassVar

from contracts.network import ChannelMaximum
from sw_templates.layer import ReferenceKernel
from sw_templates.layers.pool_layer import POOL_FIELDS, POOL_MEMBERS, PoolLayer
from sw_templates.layers.window import image_of
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool2d(PoolLayer):
    """MAX_POOL_2D."""

    operator: ClassVar[str] = "MAX_POOL_2D"
    kernel: ClassVar[str] = "max_pool2d"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="Pool2DOptions", fields=POOL_FIELDS)
    structure: ClassVar[str] = f"struct max_pool2d_layer {{\n{POOL_MEMBERS}}};\n"
    reference: ClassVar[ReferenceKernel | None] = ReferenceKernel(
        header="pooling.h", function="MaxPool"
    )
    prototype: ClassVar[str] = """
void max_pool2d(const struct max_pool2d_layer *layer, const int8_t *input, int8_t *output);
"""

    def computation(self) -> ChannelMaximum | None:
        """See ``Layer.computation``."""
        if self.input.shape[0] != 1:
            return None
        return ChannelMaximum(
            input=self.input.index,
            output=self.output.index,
            image=image_of(self.input),
            result=image_of(self.output),
            window=self.window.moving(),
            least=self.activation.minimum,
            greatest=self.activation.maximum,
        )


OPERATOR = MaxPool2d
