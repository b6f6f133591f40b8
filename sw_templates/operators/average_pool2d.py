"""AVERAGE_POOL_2D: the mean of each channel below a window; padding does not count."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layer import Layer
from sw_templates.tensor import ActivationRange
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node
from sw_templates.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePool2d(Layer):
    """AVERAGE_POOL_2D; input and output have one scale and one zero point."""

    operator: ClassVar[str] = "AVERAGE_POOL_2D"
    kernel: ClassVar[str] = "average_pool2d"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="Pool2DOptions",
        fields=(
            "Padding",
            "StrideW",
            "StrideH",
            "FilterWidth",
            "FilterHeight",
            "FusedActivationFunction",
        ),
    )
    structure: ClassVar[str] = """
struct average_pool2d_layer {
    int32_t batches, channels;
    int32_t input_height, input_width;
    int32_t output_height, output_width;
    int32_t filter_height, filter_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t activation_min, activation_max;
    int32_t scratch_bytes; /* at least 4 x channels */
};
"""
    prototype: ClassVar[str] = """
void average_pool2d(const struct average_pool2d_layer *layer, const int8_t *input, int8_t *output,
                    int8_t *scratch);
"""

    window: Window
    activation: ActivationRange

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 1)
        image, output = node.activation(0), node.output()
        kernel = int(node.option("FilterHeight")), int(node.option("FilterWidth"))
        window = node.window(image, output, kernel=kernel, is_dilated=False)
        node.require_shape(output, (image.shape[0], *output.shape[1:3], image.shape[3]))
        if (image.scale, image.zero_point) != (output.scale, output.zero_point):
            node.refuse(output.index, "must have the scale and zero point of the input")
        return cls(
            index=node.index,
            inputs=(image,),
            outputs=(output,),
            window=window,
            activation=node.fused_activation(output),
        )

    @property
    def output_range(self) -> ActivationRange:
        """See ``Layer.output_range``."""
        return self.activation

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {
            **self.window.image_fields(self.input, self.output),
            "batches": self.input.shape[0],
            "channels": self.input.shape[3],
            "filter_height": self.window.kernel_height,
            "filter_width": self.window.kernel_width,
            **self.activation.fields,
        }

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for an int32 sum of each channel."""
        del row_align_bytes, scratch_rows
        return 4 * self.output.shape[3]


OPERATOR = AveragePool2d
