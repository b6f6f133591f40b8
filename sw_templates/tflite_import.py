"""From a TFLite file to a :class:`Model`: every promise of ``model.py`` is checked here."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from contracts.faults import ConfigError
from sw_templates import quantise
from sw_templates.model import (
    ActivationRange,
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Layer,
    Model,
    Reshape,
    Softmax,
    Tensor,
    Window,
)
from sw_templates.tflite_file import RawModel, RawOperator, RawTensor, parse_tflite, read_tflite

MAX_TENSOR_BYTES = 64 << 20
MAX_WINDOW = 4096  # pixels: keeps every offset within an int32
MAX_SOFTMAX_DEPTH = 511  # beyond, the reference kernel shifts an int32 by more than 31 bits

_ACTIVATIONS = {0: "NONE", 1: "RELU", 3: "RELU6"}
_ELEMENT_BYTES = {"INT8": 1, "INT32": 4}
_FLOAT_TYPES = ("FLOAT32", "FLOAT16", "FLOAT64", "BFLOAT16")
_CONVERT = "convert the model with full int8 quantisation (inputs and outputs too)"


def load_model(path: Path) -> Model:
    """Import a TFLite file.

    Raises:
        ConfigError: The file cannot be read, or holds something that the firmware cannot run;
            operators are named with index and tensor.
    """
    return _Importer(read_tflite(path), str(path)).model(path.stem)


def model_from_bytes(content: bytes, name: str) -> Model:
    """Import the bytes of a TFLite file; raises as :func:`load_model` does."""
    return _Importer(parse_tflite(content, name), name).model(name)


class _Importer:
    """Walks the operators of one file in order."""

    def __init__(self, raw: RawModel, source: str) -> None:
        self._raw = raw
        self._source = source
        self._tensors: dict[int, Tensor] = {}
        self._written: set[int] = set()
        self._readers: dict[str, Callable[[RawOperator], Layer]] = {
            "CONV_2D": self._conv2d,
            "DEPTHWISE_CONV_2D": self._depthwise_conv2d,
            "FULLY_CONNECTED": self._fully_connected,
            "ADD": self._add,
            "AVERAGE_POOL_2D": self._average_pool2d,
            "SOFTMAX": self._softmax,
            "RESHAPE": self._reshape,
        }

    def model(self, name: str) -> Model:
        raw = self._raw
        if len(raw.inputs) != 1 or len(raw.outputs) != 1:
            raise ConfigError(
                f"{self._source} has {len(raw.inputs)} inputs and {len(raw.outputs)} outputs",
                fix="use a model with one input and one output",
            )
        if not raw.operators:
            raise ConfigError(f"{self._source} has no operators", fix="use a model that computes")
        unsupported = next((o for o in raw.operators if o.name not in self._readers), None)
        if unsupported is not None:
            known = ", ".join(self._readers)
            self._refuse(unsupported, None, "is not supported", f"use only {known}")
        first, last = raw.operators[0], raw.operators[-1]
        model_input = self._activation(first, raw.inputs[0])
        if model_input.data is not None:
            self._refuse(first, model_input.index, "is a constant used as the model's input")
        self._written.add(model_input.index)
        layers = tuple(self._layer(operator) for operator in raw.operators)
        output = self._activation(last, raw.outputs[0])
        if output.index not in self._written or output.index == model_input.index:
            self._refuse(last, output.index, "is the model's output, but no operator writes it")
        return Model(
            name=re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64] or "model",
            layers=layers,
            input=model_input,
            output=output,
        )

    def _layer(self, operator: RawOperator) -> Layer:
        if len(operator.outputs) != 1:
            self._refuse(operator, None, f"has {len(operator.outputs)} outputs, not one")
        try:
            layer = self._readers[operator.name](operator)
        except (ValueError, OverflowError) as error:
            self._refuse(operator, operator.outputs[0], f"cannot be quantised: {error}")
        for tensor in layer.inputs:
            if tensor.data is None and tensor.index not in self._written:
                self._refuse(operator, tensor.index, "is read before anything writes it")
        if layer.output.index in self._written or layer.output.data is not None:
            self._refuse(operator, layer.output.index, "is written twice or is a constant")
        self._written.add(layer.output.index)
        return layer

    # Tensors -------------------------------------------------------------------------------

    def _refuse(
        self, operator: RawOperator, tensor: int | None, what: str, fix: str = _CONVERT
    ) -> NoReturn:
        where = f"{self._source}: operator {operator.index} ({operator.name})"
        if tensor is not None:
            name = self._raw.tensors[tensor].name if 0 <= tensor < len(self._raw.tensors) else ""
            where += f", tensor {tensor} ({name!r})"
        raise ConfigError(f"{where} {what}", fix=fix)

    def _raw_tensor(self, operator: RawOperator, index: int) -> RawTensor:
        if not 0 <= index < len(self._raw.tensors):
            self._refuse(operator, index, "does not exist", fix="convert the model again")
        return self._raw.tensors[index]

    def _tensor(self, operator: RawOperator, index: int, type_name: str) -> Tensor:
        """Check everything that does not depend on what the tensor is used for."""
        raw = self._raw_tensor(operator, index)
        known = self._tensors.get(index)
        if known is not None and raw.type_name == type_name:
            return known
        if raw.type_name != type_name:
            kind = "float model: it " if raw.type_name in _FLOAT_TYPES else ""
            self._refuse(operator, index, f"{kind}has type {raw.type_name}, needs {type_name}")
        if any(size == -1 for size in raw.signature[1:]):
            self._refuse(operator, index, f"has a dynamic shape {raw.signature}")
        if raw.is_sparse or raw.is_variable:
            self._refuse(operator, index, "is sparse or a variable, which is not supported")
        if any(size < 1 for size in raw.shape):
            self._refuse(operator, index, f"has the shape {raw.shape}; every size must be >= 1")
        size_bytes = math.prod(raw.shape) * _ELEMENT_BYTES[type_name]
        if size_bytes > MAX_TENSOR_BYTES:
            self._refuse(operator, index, f"has {size_bytes} bytes, more than {MAX_TENSOR_BYTES}")
        if raw.data is not None and len(raw.data) != size_bytes:
            self._refuse(operator, index, f"holds {len(raw.data)} bytes, needs {size_bytes}")
        if not all(math.isfinite(scale) and scale > 0 for scale in raw.scales):
            self._refuse(operator, index, "has a scale that is not a finite number above 0")
        per_channel = len(raw.scales) > 1
        if per_channel and any(raw.zero_points):
            self._refuse(operator, index, "is quantised per channel with a zero point other than 0")
        zero_point = raw.zero_points[0] if raw.zero_points and not per_channel else 0
        if not -128 <= zero_point <= 127:
            self._refuse(operator, index, f"has the zero point {zero_point}, outside int8")
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

    def _activation(self, operator: RawOperator, index: int) -> Tensor:
        tensor = self._tensor(operator, index, "INT8")
        if len(tensor.scales) != 1:
            self._refuse(operator, index, f"needs one scale, has {len(tensor.scales)}")
        return tensor

    def _inputs(self, operator: RawOperator, least: int, most: int) -> tuple[int, ...]:
        if not least <= len(operator.inputs) <= most:
            self._refuse(operator, None, f"has {len(operator.inputs)} inputs")
        return operator.inputs

    def _weights(self, operator: RawOperator, channel_dimension: int, dimensions: int) -> Tensor:
        index = operator.inputs[1]
        tensor = self._tensor(operator, index, "INT8")
        if tensor.data is None:
            self._refuse(operator, index, "holds weights that are not constant")
        if len(tensor.shape) != dimensions:
            self._refuse(operator, index, f"has the shape {tensor.shape}, not {dimensions} sizes")
        if tensor.zero_point != 0:
            self._refuse(operator, index, f"has the zero point {tensor.zero_point}, needs 0")
        channels = tensor.shape[channel_dimension]
        raw = self._raw.tensors[index]
        if len(tensor.scales) not in (1, channels):
            self._refuse(
                operator, index, f"has {len(tensor.scales)} scales for {channels} channels"
            )
        if len(tensor.scales) > 1 and raw.quantised_dimension != channel_dimension:
            self._refuse(operator, index, f"is quantised along dimension {raw.quantised_dimension}")
        return tensor

    def _scaled(
        self, operator: RawOperator, image: Tensor, weights: Tensor, output: Tensor
    ) -> None:
        """Check that every channel's scale factor has a fixed point; ValueError says which not."""
        quantise.channel_multipliers(image.scale, weights.scales, output.scale, len(weights.scales))
        if image.data is not None:
            self._refuse(operator, image.index, "is a constant where an activation is expected")

    def _bias(self, operator: RawOperator, channels: int) -> Tensor | None:
        if len(operator.inputs) < 3 or operator.inputs[2] == -1:
            return None
        tensor = self._tensor(operator, operator.inputs[2], "INT32")
        if tensor.data is None or tensor.elements != channels:
            self._refuse(operator, tensor.index, f"must be a constant bias of {channels} values")
        return tensor

    # Options -------------------------------------------------------------------------------

    def _option(self, operator: RawOperator, table: str, field: str) -> float:
        if operator.options_type != table or field not in operator.options:
            self._refuse(operator, None, f"has no {table}", fix="convert the model again")
        return operator.options[field]

    def _fused(self, operator: RawOperator, table: str, output: Tensor) -> ActivationRange:
        code = int(self._option(operator, table, "FusedActivationFunction"))
        if code not in _ACTIVATIONS:
            self._refuse(
                operator,
                None,
                f"has the fused activation {code}, which is not supported",
                fix="use NONE, RELU or RELU6",
            )
        limits = quantise.activation_range(_ACTIVATIONS[code], output.scale, output.zero_point)
        if limits.minimum > limits.maximum:
            self._refuse(operator, output.index, "cannot represent its fused activation")
        return limits

    def _window(
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
                self._refuse(operator, tensor.index, f"has the shape {tensor.shape}, not 4 sizes")
        padding = int(self._option(operator, table, "Padding"))
        strides, dilations, pads = [], [], []
        for axis, letter in ((0, "H"), (1, "W")):
            stride = int(self._option(operator, table, f"Stride{letter}"))
            dilation = (
                int(self._option(operator, table, f"Dilation{letter}Factor")) if dilated else 1
            )
            if not all(1 <= value <= MAX_WINDOW for value in (stride, dilation, kernel[axis])):
                self._refuse(
                    operator, None, f"has a kernel, stride or dilation outside 1 to {MAX_WINDOW}"
                )
            size, effective = image.shape[1 + axis], (kernel[axis] - 1) * dilation + 1
            if padding == 0:  # SAME
                expected = (size + stride - 1) // stride
            elif padding == 1:  # VALID
                expected = (size + stride - effective) // stride
            else:
                self._refuse(operator, None, f"has the padding {padding}, neither SAME nor VALID")
            if expected != output.shape[1 + axis] or expected < 1:
                self._refuse(
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

    def _single_image(self, operator: RawOperator, tensor: Tensor) -> None:
        if len(tensor.shape) == 4 and tensor.shape[0] != 1:
            self._refuse(
                operator, tensor.index, f"has {tensor.shape[0]} images", fix="use batch size 1"
            )

    # Operators -----------------------------------------------------------------------------

    def _conv2d(self, operator: RawOperator) -> Conv2d:
        if self._inputs(operator, 2, 3)[2:] in ((), (-1,)):
            self._refuse(operator, None, "has no bias, without which TFLite refuses it")
        image = self._activation(operator, operator.inputs[0])
        output = self._activation(operator, operator.outputs[0])
        weights = self._weights(operator, 0, 4)
        self._single_image(operator, image)
        window = self._window(
            operator, "Conv2DOptions", image, output, (weights.shape[1], weights.shape[2]), True
        )
        if weights.shape[3] != image.shape[3]:
            self._refuse(
                operator,
                weights.index,
                f"has {weights.shape[3]} input channels, the image {image.shape[3]}",
                fix="grouped convolutions are not supported: use groups = 1",
            )
        self._same(operator, output, (1, *output.shape[1:3], weights.shape[0]))
        self._scaled(operator, image, weights, output)
        return Conv2d(
            index=operator.index,
            inputs=(image,),
            output=output,
            weights=weights,
            bias=self._bias(operator, weights.shape[0]),
            window=window,
            activation=self._fused(operator, "Conv2DOptions", output),
        )

    def _depthwise_conv2d(self, operator: RawOperator) -> DepthwiseConv2d:
        self._inputs(operator, 2, 3)
        table = "DepthwiseConv2DOptions"
        image = self._activation(operator, operator.inputs[0])
        output = self._activation(operator, operator.outputs[0])
        weights = self._weights(operator, 3, 4)
        self._single_image(operator, image)
        window = self._window(
            operator, table, image, output, (weights.shape[1], weights.shape[2]), True
        )
        self._same(operator, output, (1, *output.shape[1:3], weights.shape[3]))
        self._scaled(operator, image, weights, output)
        multiplier, rest = divmod(weights.shape[3], image.shape[3])
        if weights.shape[0] != 1 or rest:
            self._refuse(
                operator,
                weights.index,
                f"has the shape {weights.shape} for {image.shape[3]} input channels",
            )
        return DepthwiseConv2d(
            index=operator.index,
            inputs=(image,),
            output=output,
            weights=weights,
            bias=self._bias(operator, weights.shape[3]),
            window=window,
            activation=self._fused(operator, table, output),
            depth_multiplier=multiplier,
        )

    def _fully_connected(self, operator: RawOperator) -> FullyConnected:
        self._inputs(operator, 2, 3)
        vector = self._activation(operator, operator.inputs[0])
        output = self._activation(operator, operator.outputs[0])
        weights = self._weights(operator, 0, 2)
        if int(self._option(operator, "FullyConnectedOptions", "WeightsFormat")) != 0:
            self._refuse(operator, weights.index, "has shuffled weights")
        self._scaled(operator, vector, weights, output)
        units, depth = weights.shape
        if vector.elements % depth or output.elements != vector.elements // depth * units:
            self._refuse(
                operator,
                weights.index,
                f"has the shape {weights.shape}, which does not lead from {vector.shape} "
                f"to {output.shape}",
            )
        return FullyConnected(
            index=operator.index,
            inputs=(vector,),
            output=output,
            weights=weights,
            bias=self._bias(operator, units),
            activation=self._fused(operator, "FullyConnectedOptions", output),
        )

    def _add(self, operator: RawOperator) -> Add:
        self._inputs(operator, 2, 2)
        left, right = (self._activation(operator, index) for index in operator.inputs)
        output = self._activation(operator, operator.outputs[0])
        if not left.shape == right.shape == output.shape:
            self._refuse(
                operator,
                right.index,
                f"has the shape {right.shape}, the other {left.shape}",
                fix="broadcasting is not supported: add tensors of the same shape",
            )
        quantise.add_scaling(left.scale, right.scale, output.scale)
        return Add(
            index=operator.index,
            inputs=(left, right),
            output=output,
            activation=self._fused(operator, "AddOptions", output),
        )

    def _average_pool2d(self, operator: RawOperator) -> AveragePool2d:
        self._inputs(operator, 1, 1)
        table = "Pool2DOptions"
        image = self._activation(operator, operator.inputs[0])
        output = self._activation(operator, operator.outputs[0])
        kernel = (
            int(self._option(operator, table, "FilterHeight")),
            int(self._option(operator, table, "FilterWidth")),
        )
        window = self._window(operator, table, image, output, kernel, False)
        self._same(operator, output, (image.shape[0], *output.shape[1:3], image.shape[3]))
        if (image.scale, image.zero_point) != (output.scale, output.zero_point):
            self._refuse(operator, output.index, "must have the scale and zero point of the input")
        return AveragePool2d(
            index=operator.index,
            inputs=(image,),
            output=output,
            window=window,
            activation=self._fused(operator, table, output),
        )

    def _softmax(self, operator: RawOperator) -> Softmax:
        self._inputs(operator, 1, 1)
        vector = self._activation(operator, operator.inputs[0])
        output = self._activation(operator, operator.outputs[0])
        self._same(operator, output, vector.shape)
        beta = float(self._option(operator, "SoftmaxOptions", "Beta"))
        if not vector.shape or vector.shape[-1] > MAX_SOFTMAX_DEPTH:
            self._refuse(
                operator,
                vector.index,
                f"has the shape {vector.shape}",
                fix=f"use softmax over at most {MAX_SOFTMAX_DEPTH} classes",
            )
        if output.scale != 1 / 256 or output.zero_point != -128:
            self._refuse(operator, output.index, "needs the scale 1/256 and the zero point -128")
        quantise.softmax_exponentials(beta, vector.scale)
        return Softmax(index=operator.index, inputs=(vector,), output=output, beta=beta)

    def _reshape(self, operator: RawOperator) -> Reshape:
        self._inputs(operator, 1, 2)
        source = self._activation(operator, operator.inputs[0])
        output = self._activation(operator, operator.outputs[0])
        if source.elements != output.elements:
            self._refuse(
                operator, output.index, f"has the shape {output.shape}, the input {source.shape}"
            )
        return Reshape(index=operator.index, inputs=(source,), output=output)

    def _same(self, operator: RawOperator, tensor: Tensor, shape: tuple[int, ...]) -> None:
        if tensor.shape != shape:
            self._refuse(operator, tensor.index, f"has the shape {tensor.shape}, needs {shape}")
