"""The values of each kernel's structure, under the names of ``layers.h``."""

from sw_templates import quantise
from sw_templates.memory_plan import row_bytes
from sw_templates.model import (
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Layer,
    Softmax,
)


def layer_fields(layer: Layer, *, row_align_bytes: int, scratch_bytes: int) -> dict[str, int | str]:
    """Return every member of the layer's structure: a number, or the C name of an array.

    Args:
        layer: The layer.
        row_align_bytes: Rows of weights are padded to a multiple of this.
        scratch_bytes: Size of its scratch memory, 0 for none.
    """
    fields = {**_shape_fields(layer), **_weight_fields(layer, row_align_bytes)}
    if scratch_bytes:
        fields["scratch_bytes"] = scratch_bytes
    return fields


def _shape_fields(layer: Layer) -> dict[str, int | str]:
    """Return shapes and quantisation of a layer under the names of ``layers.h``."""
    match layer:
        case Conv2d() | DepthwiseConv2d():
            return {
                **_image_fields(layer),
                "input_channels": layer.input.shape[3],
                "output_channels": layer.output.shape[3],
                **(
                    {"depth_multiplier": layer.depth_multiplier}
                    if isinstance(layer, DepthwiseConv2d)
                    else {}
                ),
                "kernel_height": layer.window.kernel_height,
                "kernel_width": layer.window.kernel_width,
                "dilation_height": layer.window.dilation_height,
                "dilation_width": layer.window.dilation_width,
                "input_zero_point": layer.input.zero_point,
                "output_zero_point": layer.output.zero_point,
                "activation_min": layer.activation.minimum,
                "activation_max": layer.activation.maximum,
            }
        case FullyConnected():
            return {
                "batches": layer.batches,
                "input_depth": layer.weights.shape[1],
                "output_depth": layer.weights.shape[0],
                "input_zero_point": layer.input.zero_point,
                "output_zero_point": layer.output.zero_point,
                "activation_min": layer.activation.minimum,
                "activation_max": layer.activation.maximum,
            }
        case Add():
            return _add_fields(layer)
        case AveragePool2d():
            return {
                **_image_fields(layer),
                "batches": layer.input.shape[0],
                "channels": layer.input.shape[3],
                "filter_height": layer.window.kernel_height,
                "filter_width": layer.window.kernel_width,
                "activation_min": layer.activation.minimum,
                "activation_max": layer.activation.maximum,
            }
        case Softmax():
            depth = layer.input.shape[-1]
            return {
                "rows": layer.input.elements // depth,
                "depth": depth,
                "exponentials": f"{layer.name}_exponentials",
            }
        case _:
            return {"size": layer.output.size_bytes}


def _image_fields(layer: Conv2d | DepthwiseConv2d | AveragePool2d) -> dict[str, int | str]:
    return {
        "input_height": layer.input.shape[1],
        "input_width": layer.input.shape[2],
        "output_height": layer.output.shape[1],
        "output_width": layer.output.shape[2],
        "stride_height": layer.window.stride_height,
        "stride_width": layer.window.stride_width,
        "pad_top": layer.window.pad_top,
        "pad_left": layer.window.pad_left,
    }


def _add_fields(layer: Add) -> dict[str, int | str]:
    left, right = layer.inputs
    scaling = quantise.add_scaling(left.scale, right.scale, layer.output.scale)
    return {
        "size": layer.output.elements,
        "left_shift": quantise.ADD_LEFT_SHIFT,
        "input1_zero_point": left.zero_point,
        "input1_multiplier": scaling.input1.multiplier,
        "input1_shift": scaling.input1.shift,
        "input2_zero_point": right.zero_point,
        "input2_multiplier": scaling.input2.multiplier,
        "input2_shift": scaling.input2.shift,
        "output_zero_point": layer.output.zero_point,
        "output_multiplier": scaling.output.multiplier,
        "output_shift": scaling.output.shift,
        "activation_min": layer.activation.minimum,
        "activation_max": layer.activation.maximum,
    }


def _weight_fields(layer: Layer, align: int) -> dict[str, int | str]:
    if not isinstance(layer, Conv2d | DepthwiseConv2d | FullyConnected):
        return {}
    names = ("weights", "bias", "multipliers", "shifts")
    return {
        "row_bytes": row_bytes(layer, align),
        **{name: f"{layer.name}_{name}" for name in names},
    }
