"""From a TFLite file to a :class:`Model`: every promise of ``model.py`` is checked here."""

import re
from collections.abc import Callable
from pathlib import Path

from contracts.faults import ConfigError
from sw_templates import quantise
from sw_templates.model import (
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Layer,
    Model,
    Reshape,
    Softmax,
)
from sw_templates.tflite_checks import GraphChecks
from sw_templates.tflite_file import RawModel, RawOperator, parse_tflite, read_tflite

MAX_SOFTMAX_DEPTH = 511  # beyond, the reference kernel shifts an int32 by more than 31 bits


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


class _Importer(GraphChecks):
    """Walks the operators of one file in order."""

    def __init__(self, raw: RawModel, source: str) -> None:
        super().__init__(raw, source)
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
        raw = self.raw
        if len(raw.inputs) != 1 or len(raw.outputs) != 1:
            raise ConfigError(
                f"{self.source} has {len(raw.inputs)} inputs and {len(raw.outputs)} outputs",
                fix="use a model with one input and one output",
            )
        if not raw.operators:
            raise ConfigError(f"{self.source} has no operators", fix="use a model that computes")
        unsupported = next((o for o in raw.operators if o.name not in self._readers), None)
        if unsupported is not None:
            known = ", ".join(self._readers)
            self.refuse(unsupported, None, "is not supported", f"use only {known}")
        first, last = raw.operators[0], raw.operators[-1]
        model_input = self.activation(first, raw.inputs[0])
        if model_input.data is not None:
            self.refuse(first, model_input.index, "is a constant used as the model's input")
        self._written.add(model_input.index)
        layers = tuple(self._layer(operator) for operator in raw.operators)
        output = self.activation(last, raw.outputs[0])
        if output.index not in self._written or output.index == model_input.index:
            self.refuse(last, output.index, "is the model's output, but no operator writes it")
        return Model(
            name=re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64] or "model",
            layers=layers,
            input=model_input,
            output=output,
        )

    def _layer(self, operator: RawOperator) -> Layer:
        if len(operator.outputs) != 1:
            self.refuse(operator, None, f"has {len(operator.outputs)} outputs, not one")
        try:
            layer = self._readers[operator.name](operator)
        except (ValueError, OverflowError) as error:
            self.refuse(operator, operator.outputs[0], f"cannot be quantised: {error}")
        for tensor in layer.inputs:
            if tensor.data is None and tensor.index not in self._written:
                self.refuse(operator, tensor.index, "is read before anything writes it")
        if layer.output.index in self._written or layer.output.data is not None:
            self.refuse(operator, layer.output.index, "is written twice or is a constant")
        self._written.add(layer.output.index)
        return layer

    def _conv2d(self, operator: RawOperator) -> Conv2d:
        if self.inputs(operator, 2, 3)[2:] in ((), (-1,)):
            self.refuse(operator, None, "has no bias, without which TFLite refuses it")
        image = self.activation(operator, operator.inputs[0])
        output = self.activation(operator, operator.outputs[0])
        weights = self.weights(operator, 0, 4)
        self.require_single_image(operator, image)
        window = self.window(
            operator, "Conv2DOptions", image, output, (weights.shape[1], weights.shape[2]), True
        )
        if weights.shape[3] != image.shape[3]:
            self.refuse(
                operator,
                weights.index,
                f"has {weights.shape[3]} input channels, the image {image.shape[3]}",
                fix="grouped convolutions are not supported: use groups = 1",
            )
        self.require_shape(operator, output, (1, *output.shape[1:3], weights.shape[0]))
        self.require_scales(operator, image, weights, output)
        return Conv2d(
            index=operator.index,
            inputs=(image,),
            output=output,
            weights=weights,
            bias=self.bias(operator, weights.shape[0]),
            window=window,
            activation=self.fused_activation(operator, "Conv2DOptions", output),
        )

    def _depthwise_conv2d(self, operator: RawOperator) -> DepthwiseConv2d:
        self.inputs(operator, 2, 3)
        table = "DepthwiseConv2DOptions"
        image = self.activation(operator, operator.inputs[0])
        output = self.activation(operator, operator.outputs[0])
        weights = self.weights(operator, 3, 4)
        self.require_single_image(operator, image)
        window = self.window(
            operator, table, image, output, (weights.shape[1], weights.shape[2]), True
        )
        self.require_shape(operator, output, (1, *output.shape[1:3], weights.shape[3]))
        self.require_scales(operator, image, weights, output)
        multiplier, rest = divmod(weights.shape[3], image.shape[3])
        if weights.shape[0] != 1 or rest:
            self.refuse(
                operator,
                weights.index,
                f"has the shape {weights.shape} for {image.shape[3]} input channels",
            )
        return DepthwiseConv2d(
            index=operator.index,
            inputs=(image,),
            output=output,
            weights=weights,
            bias=self.bias(operator, weights.shape[3]),
            window=window,
            activation=self.fused_activation(operator, table, output),
            depth_multiplier=multiplier,
        )

    def _fully_connected(self, operator: RawOperator) -> FullyConnected:
        self.inputs(operator, 2, 3)
        vector = self.activation(operator, operator.inputs[0])
        output = self.activation(operator, operator.outputs[0])
        weights = self.weights(operator, 0, 2)
        if int(self.option(operator, "FullyConnectedOptions", "WeightsFormat")) != 0:
            self.refuse(operator, weights.index, "has shuffled weights")
        self.require_scales(operator, vector, weights, output)
        units, depth = weights.shape
        if vector.elements % depth or output.elements != vector.elements // depth * units:
            self.refuse(
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
            bias=self.bias(operator, units),
            activation=self.fused_activation(operator, "FullyConnectedOptions", output),
        )

    def _add(self, operator: RawOperator) -> Add:
        self.inputs(operator, 2, 2)
        left, right = (self.activation(operator, index) for index in operator.inputs)
        output = self.activation(operator, operator.outputs[0])
        if not left.shape == right.shape == output.shape:
            self.refuse(
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
            activation=self.fused_activation(operator, "AddOptions", output),
        )

    def _average_pool2d(self, operator: RawOperator) -> AveragePool2d:
        self.inputs(operator, 1, 1)
        table = "Pool2DOptions"
        image = self.activation(operator, operator.inputs[0])
        output = self.activation(operator, operator.outputs[0])
        kernel = (
            int(self.option(operator, table, "FilterHeight")),
            int(self.option(operator, table, "FilterWidth")),
        )
        window = self.window(operator, table, image, output, kernel, False)
        self.require_shape(operator, output, (image.shape[0], *output.shape[1:3], image.shape[3]))
        if (image.scale, image.zero_point) != (output.scale, output.zero_point):
            self.refuse(operator, output.index, "must have the scale and zero point of the input")
        return AveragePool2d(
            index=operator.index,
            inputs=(image,),
            output=output,
            window=window,
            activation=self.fused_activation(operator, table, output),
        )

    def _softmax(self, operator: RawOperator) -> Softmax:
        self.inputs(operator, 1, 1)
        vector = self.activation(operator, operator.inputs[0])
        output = self.activation(operator, operator.outputs[0])
        self.require_shape(operator, output, vector.shape)
        beta = float(self.option(operator, "SoftmaxOptions", "Beta"))
        if not vector.shape or vector.shape[-1] > MAX_SOFTMAX_DEPTH:
            self.refuse(
                operator,
                vector.index,
                f"has the shape {vector.shape}",
                fix=f"use softmax over at most {MAX_SOFTMAX_DEPTH} classes",
            )
        if output.scale != 1 / 256 or output.zero_point != -128:
            self.refuse(operator, output.index, "needs the scale 1/256 and the zero point -128")
        quantise.softmax_exponentials(beta, vector.scale)
        return Softmax(index=operator.index, inputs=(vector,), output=output, beta=beta)

    def _reshape(self, operator: RawOperator) -> Reshape:
        self.inputs(operator, 1, 2)
        source = self.activation(operator, operator.inputs[0])
        output = self.activation(operator, operator.outputs[0])
        if source.elements != output.elements:
            self.refuse(
                operator, output.index, f"has the shape {output.shape}, the input {source.shape}"
            )
        return Reshape(index=operator.index, inputs=(source,), output=output)
