"""Checks that every operator of a TFLite graph has to pass, and the errors that name it."""

import math
from typing import NoReturn

from contracts.faults import ConfigError
from sw_templates import quantise
from sw_templates.model import ActivationRange, Tensor, Window
from sw_templates.tflite_file import RawModel, RawOperator, RawTensor

MAX_TENSOR_BYTES = 64 << 20
MAX_WINDOW = 4096  # pixels: keeps every offset within an int32

_ACTIVATIONS = {0: "NONE", 1: "RELU", 3: "RELU6"}
_ELEMENT_BYTES = {"INT8": 1, "INT32": 4}
_FLOAT_TYPES = ("FLOAT32", "FLOAT16", "FLOAT64", "BFLOAT16")
_CONVERT = "convert the model with full int8 quantisation (inputs and outputs too)"


class GraphChecks:
    """Hands out the parts of one graph, each checked; every refusal is a :class:`ConfigError`.

    Args:
        raw: The graph as the file states it.
        source: The file, for errors.
    """

    def __init__(self, raw: RawModel, source: str) -> None:
        self.raw = raw
        self.source = source
        self._tensors: dict[int, Tensor] = {}

    def refuse(
        self, operator: RawOperator, tensor: int | None, what: str, fix: str = _CONVERT
    ) -> NoReturn:
        """Raise the error that names file, operator and tensor."""
        where = f"{self.source}: operator {operator.index} ({operator.name})"
        if tensor is not None:
            name = self.raw.tensors[tensor].name if 0 <= tensor < len(self.raw.tensors) else ""
            where += f", tensor {tensor} ({name!r})"
        raise ConfigError(f"{where} {what}", fix=fix)

    def raw_tensor(self, operator: RawOperator, index: int) -> RawTensor:
        """Return a tensor as the file states it."""
        if not 0 <= index < len(self.raw.tensors):
            self.refuse(operator, index, "does not exist", fix="convert the model again")
        return self.raw.tensors[index]

    def tensor(self, operator: RawOperator, index: int, type_name: str) -> Tensor:
        """Check everything that does not depend on what the tensor is used for."""
        raw = self.raw_tensor(operator, index)
        known = self._tensors.get(index)
        if known is not None and raw.type_name == type_name:
            return known
        if raw.type_name != type_name:
            kind = "float model: it " if raw.type_name in _FLOAT_TYPES else ""
            self.refuse(operator, index, f"{kind}has type {raw.type_name}, needs {type_name}")
        if any(size == -1 for size in raw.signature[1:]):
            self.refuse(operator, index, f"has a dynamic shape {raw.signature}")
        if raw.is_sparse or raw.is_variable:
            self.refuse(operator, index, "is sparse or a variable, which is not supported")
        if any(size < 1 for size in raw.shape):
            self.refuse(operator, index, f"has the shape {raw.shape}; every size must be >= 1")
        size_bytes = math.prod(raw.shape) * _ELEMENT_BYTES[type_name]
        if size_bytes > MAX_TENSOR_BYTES:
            self.refuse(operator, index, f"has {size_bytes} bytes, more than {MAX_TENSOR_BYTES}")
        if raw.data is not None and len(raw.data) != size_bytes:
            self.refuse(operator, index, f"holds {len(raw.data)} bytes, needs {size_bytes}")
        if not all(math.isfinite(scale) and scale > 0 for scale in raw.scales):
            self.refuse(operator, index, "has a scale that is not a finite number above 0")
        per_channel = len(raw.scales) > 1
        if per_channel and any(raw.zero_points):
            self.refuse(operator, index, "is quantised per channel with a zero point other than 0")
        zero_point = raw.zero_points[0] if raw.zero_points and not per_channel else 0
        if not -128 <= zero_point <= 127:
            self.refuse(operator, index, f"has the zero point {zero_point}, outside int8")
        tensor = Tensor(
            index=index,
            name=raw.name,
            shape=raw.shape,
            element_bytes=_ELEMENT_BYTES[type_name],
            scales=raw.scales,
            zero_point=zero_point,
            data=raw.data,
        )
        self._tensors[index] = tensor
        return tensor

    def activation(self, operator: RawOperator, index: int) -> Tensor:
        """Return an int8 tensor that is quantised as a whole."""
        tensor = self.tensor(operator, index, "INT8")
        if len(tensor.scales) != 1:
            self.refuse(operator, index, f"needs one scale, has {len(tensor.scales)}")
        return tensor

    def inputs(self, operator: RawOperator, least: int, most: int) -> tuple[int, ...]:
        """Return the numbers of the inputs, of which there are ``least`` to ``most``."""
        if not least <= len(operator.inputs) <= most:
            self.refuse(operator, None, f"has {len(operator.inputs)} inputs")
        return operator.inputs

    def weights(self, operator: RawOperator, channel_dimension: int, dimensions: int) -> Tensor:
        """Return the second input: constant, symmetric, one scale or one per channel."""
        index = operator.inputs[1]
        tensor = self.tensor(operator, index, "INT8")
        if tensor.data is None:
            self.refuse(operator, index, "holds weights that are not constant")
        if len(tensor.shape) != dimensions:
            self.refuse(operator, index, f"has the shape {tensor.shape}, not {dimensions} sizes")
        if tensor.zero_point != 0:
            self.refuse(operator, index, f"has the zero point {tensor.zero_point}, needs 0")
        channels = tensor.shape[channel_dimension]
        raw = self.raw.tensors[index]
        if len(tensor.scales) not in (1, channels):
            self.refuse(operator, index, f"has {len(tensor.scales)} scales for {channels} channels")
        if len(tensor.scales) > 1 and raw.quantised_dimension != channel_dimension:
            self.refuse(operator, index, f"is quantised along dimension {raw.quantised_dimension}")
        return tensor

    def require_scales(
        self, operator: RawOperator, image: Tensor, weights: Tensor, output: Tensor
    ) -> None:
        """Check that every channel's scale factor has a fixed point; ValueError says which not."""
        quantise.channel_multipliers(image.scale, weights.scales, output.scale, len(weights.scales))
        if image.data is not None:
            self.refuse(operator, image.index, "is a constant where an activation is expected")

    def bias(self, operator: RawOperator, channels: int) -> Tensor | None:
        """Return the third input, None where there is none."""
        if len(operator.inputs) < 3 or operator.inputs[2] == -1:
            return None
        tensor = self.tensor(operator, operator.inputs[2], "INT32")
        if tensor.data is None or tensor.elements != channels:
            self.refuse(operator, tensor.index, f"must be a constant bias of {channels} values")
        return tensor

    # Options -------------------------------------------------------------------------------

    def option(self, operator: RawOperator, table: str, field: str) -> float:
        """Return one scalar of the options table, which must be there."""
        if operator.options_type != table or field not in operator.options:
            self.refuse(operator, None, f"has no {table}", fix="convert the model again")
        return operator.options[field]

    def fused_activation(
        self, operator: RawOperator, table: str, output: Tensor
    ) -> ActivationRange:
        """Return the limits of the output that the fused activation leaves."""
        code = int(self.option(operator, table, "FusedActivationFunction"))
        if code not in _ACTIVATIONS:
            self.refuse(
                operator,
                None,
                f"has the fused activation {code}, which is not supported",
                fix="use NONE, RELU or RELU6",
            )
        limits = quantise.activation_range(_ACTIVATIONS[code], output.scale, output.zero_point)
        if limits.minimum > limits.maximum:
            self.refuse(operator, output.index, "cannot represent its fused activation")
        return limits

    def window(
        self,
        operator: RawOperator,
        table: str,
        image: Tensor,
        output: Tensor,
        kernel: tuple[int, int],
        dilated: bool,
    ) -> Window:
        """Place the window as TFLite does and compare the output's size."""
        for tensor in (image, output):
            if len(tensor.shape) != 4:
                self.refuse(operator, tensor.index, f"has the shape {tensor.shape}, not 4 sizes")
        padding = int(self.option(operator, table, "Padding"))
        strides, dilations, pads = [], [], []
        for axis, letter in ((0, "H"), (1, "W")):
            stride = int(self.option(operator, table, f"Stride{letter}"))
            dilation = (
                int(self.option(operator, table, f"Dilation{letter}Factor")) if dilated else 1
            )
            if not all(1 <= value <= MAX_WINDOW for value in (stride, dilation, kernel[axis])):
                self.refuse(
                    operator, None, f"has a kernel, stride or dilation outside 1 to {MAX_WINDOW}"
                )
            size, effective = image.shape[1 + axis], (kernel[axis] - 1) * dilation + 1
            if padding == 0:  # SAME
                expected = (size + stride - 1) // stride
            elif padding == 1:  # VALID
                expected = (size + stride - effective) // stride
            else:
                self.refuse(operator, None, f"has the padding {padding}, neither SAME nor VALID")
            if expected != output.shape[1 + axis] or expected < 1:
                self.refuse(
                    operator,
                    output.index,
                    f"has size {output.shape[1 + axis]} in dimension {1 + axis}, needs {expected}",
                )
            strides.append(stride)
            dilations.append(dilation)
            pads.append(max(0, (expected - 1) * stride + effective - size) // 2)
        return Window(
            kernel_height=kernel[0],
            kernel_width=kernel[1],
            stride_height=strides[0],
            stride_width=strides[1],
            dilation_height=dilations[0],
            dilation_width=dilations[1],
            pad_top=pads[0],
            pad_left=pads[1],
        )

    def require_single_image(self, operator: RawOperator, tensor: Tensor) -> None:
        """Refuse more than one image."""
        if len(tensor.shape) == 4 and tensor.shape[0] != 1:
            self.refuse(
                operator, tensor.index, f"has {tensor.shape[0]} images", fix="use batch size 1"
            )

    def require_shape(self, operator: RawOperator, tensor: Tensor, shape: tuple[int, ...]) -> None:
        """Refuse another shape."""
        if tensor.shape != shape:
            self.refuse(operator, tensor.index, f"has the shape {tensor.shape}, needs {shape}")
