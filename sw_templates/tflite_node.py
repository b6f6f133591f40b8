"""One operator of a TFLite graph: its parts, each checked, and the errors that name it."""

import math
from collections.abc import Collection
from dataclasses import replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from sw_templates import quantise
from sw_templates.constants import tensor_values
from sw_templates.graph.obstacles import FLOAT_TYPES, Obstacle, ObstacleKind, UnsupportedModel
from sw_templates.layers.window import Window
from sw_templates.tensor import ActivationRange, ElementType, Tensor
from sw_templates.tflite_file import OptionsTable, RawModel, RawOperator, RawTensor

MAX_TENSOR_BYTES = 64 << 20
MAX_WINDOW = 4096  # pixels: keeps every offset within an int32

MAX_INTEGERS = 1 << 16

INT4 = (ElementType.INT4,)
INT8 = (ElementType.INT8,)
INT16 = (ElementType.INT16,)
INTEGERS = (ElementType.INT32, ElementType.INT64)

_ACTIVATION_LIMITS = {0: (None, None), 1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0)}
"""TFLite's code of each fused activation that is a pair of limits, in real numbers."""
_FIX_THE_BATCH = "where it computes a shape: convert with a fixed batch size of 1"
_CONVERT = "convert the model with full int8 quantisation (inputs and outputs too)"


class Node:
    """Hands out the parts of one operator, each checked; every refusal is an UnsupportedModel.

    Args:
        raw: The graph as the file states it.
        operator: The operator of that graph.
        options: The options table that belongs to the operator; None for none.
        source: The file, for errors.
    """

    def __init__(
        self, raw: RawModel, operator: RawOperator, *, options: OptionsTable | None, source: str
    ) -> None:
        self._raw = raw
        self._operator = operator
        self._options = options
        self._source = source

    @property
    def index(self) -> int:
        """The operator's number in the file."""
        return self._operator.index

    def refuse(self, tensor: int | None, what: str, fix: str = _CONVERT) -> NoReturn:
        """Raise the error that names file, operator and tensor.

        Args:
            tensor: Number of the tensor that is at fault, None where the operator is.
            what: What is wrong, read behind the names.
            fix: What to do.
        """
        where = f"{self._source}: operator {self._operator.index} ({self._operator.name})"
        if tensor is not None:
            name = self._raw.tensors[tensor].name if 0 <= tensor < len(self._raw.tensors) else ""
            where += f", tensor {tensor} ({name!r})"
        obstacle = Obstacle(
            kind=ObstacleKind.LAYER,
            name=self._operator.name,
            operators=(self._operator.index,),
            reason=what,
            fix=fix,
        )
        raise UnsupportedModel(f"{where} {what}", fix, obstacles=(obstacle,))

    def _raw_tensor(self, index: int) -> RawTensor:
        """Return a tensor as the file states it."""
        if not 0 <= index < len(self._raw.tensors):
            self.refuse(index, "does not exist", fix="convert the model again")
        return self._raw.tensors[index]

    def tensor(
        self, index: int, types: Collection[ElementType], *, is_variable: bool = False
    ) -> Tensor:
        """Return the tensor of that number of the file, which must be of one of ``types``."""
        return self._checked(self._raw_tensor(index), types, is_variable=is_variable)

    def _checked(
        self, raw: RawTensor, types: Collection[ElementType], *, is_variable: bool
    ) -> Tensor:
        index = raw.index
        element = next((each for each in types if each.value == raw.type_name), None)
        if element is None:
            kind = "float model: it " if raw.type_name in FLOAT_TYPES else ""
            needed = " or ".join(each.value for each in types)
            is_shape = raw.type_name in [each.value for each in INTEGERS]
            fix = _FIX_THE_BATCH if is_shape and raw.data is None else _CONVERT
            self.refuse(index, f"{kind}has type {raw.type_name}, needs {needed}", fix)
        if raw.data is None and -1 in raw.signature[1:]:
            self.refuse(index, f"has a dynamic shape {raw.signature}")
        if raw.is_sparse or raw.is_variable != is_variable:
            kind = "no variable" if is_variable else "sparse or a variable"
            self.refuse(index, f"is {kind}, which is not supported")
        if any(size < 1 for size in raw.shape):
            self.refuse(index, f"has the shape {raw.shape}; every size must be >= 1")
        size_bytes = element.size_bytes(math.prod(raw.shape))
        if size_bytes > MAX_TENSOR_BYTES:
            self.refuse(index, f"has {size_bytes} bytes, more than {MAX_TENSOR_BYTES}")
        if raw.data is not None and len(raw.data) != size_bytes:
            self.refuse(index, f"holds {len(raw.data)} bytes, needs {size_bytes}")
        zero_point = self._zero_point(raw)
        if zero_point not in element.zero_points:
            self.refuse(index, f"has the zero point {zero_point}, outside {element.value.lower()}")
        return Tensor(
            index=index,
            name=raw.name,
            shape=raw.shape,
            type=element,
            scales=raw.scales,
            zero_point=zero_point,
            data=raw.data,
        )

    def _zero_point(self, raw: RawTensor) -> int:
        """Return the zero point of a tensor whose quantisation is one that TFLite accepts."""
        scales, zero_points = raw.scales, raw.zero_points
        if raw.has_other_scales:
            self.refuse(raw.index, "is quantised by blocks or along several dimensions")
        if not all(math.isfinite(scale) and scale >= 0 for scale in scales):
            self.refuse(raw.index, "has a scale that is not a finite number of 0 or more")
        if not scales:
            return 0  # TFLite takes it for not quantised, whatever else is said
        if len(zero_points) not in (0, 1, len(scales)):
            self.refuse(raw.index, f"has {len(zero_points)} zero points for {len(scales)} scales")
        if len(scales) > 1:
            if any(zero_points):
                self.refuse(raw.index, "is quantised per channel with a zero point other than 0")
            if len(raw.shape) == 1 and raw.shape[0] != len(scales):
                self.refuse(raw.index, f"has {len(scales)} scales for {raw.shape[0]} channels")
            return 0
        return zero_points[0] if zero_points else 0

    def activation(self, position: int, types: Collection[ElementType] = INT8) -> Tensor:
        """Return an input that is quantised as a whole.

        Args:
            position: Of the input among the operator's inputs.
            types: Which types it may have.
        """
        if position >= len(self._operator.inputs):
            self.refuse(None, f"has {len(self._operator.inputs)} inputs")
        return self.quantised(self._operator.inputs[position], types)

    def output(self, types: Collection[ElementType] = INT8) -> Tensor:
        """Return the output, of which there must be one, checked as an activation."""
        return self.outputs(1, types)[0]

    def outputs(self, count: int, types: Collection[ElementType] = INT8) -> tuple[Tensor, ...]:
        """Return the outputs, of which there must be ``count``, checked as activations."""
        if len(self._operator.outputs) != count:
            self.refuse(None, f"has {len(self._operator.outputs)} outputs, needs {count}")
        return tuple(self.quantised(index, types) for index in self._operator.outputs)

    def integer_output(self) -> Tensor:
        """Return the output, of which there must be one: int32 or int64 without a scale."""
        if len(self._operator.outputs) != 1:
            self.refuse(None, f"has {len(self._operator.outputs)} outputs, needs 1")
        return self.tensor(self._operator.outputs[0], INTEGERS)

    def quantised(self, index: int, types: Collection[ElementType] = INT8) -> Tensor:
        """Return the tensor of that number of the file, which must have one scale."""
        tensor = self.tensor(index, types)
        self.require_one_scale(tensor)
        return tensor

    def require_one_scale(self, tensor: Tensor) -> None:
        """Refuse a tensor that is not quantised as a whole."""
        if len(tensor.scales) != 1:
            self.refuse(tensor.index, f"needs one scale, has {len(tensor.scales)}")

    def inputs(self, least: int, most: int) -> tuple[int, ...]:
        """Return the numbers of the inputs, of which there are ``least`` to ``most``."""
        if not least <= len(self._operator.inputs) <= most:
            self.refuse(None, f"has {len(self._operator.inputs)} inputs")
        return self._operator.inputs

    def has_input(self, position: int) -> bool:
        """Tell whether an input that may be left out is there."""
        return position < len(self._operator.inputs) and self._operator.inputs[position] != -1

    def constant(self, position: int, types: Collection[ElementType] = INT8) -> Tensor:
        """Return an input that is a constant, quantised as a whole around 0."""
        tensor = self.activation(position, types)
        if tensor.data is None or tensor.zero_point != 0:
            self.refuse(tensor.index, "is not a constant, or has a zero point other than 0")
        return tensor

    def variable(self, position: int, types: Collection[ElementType] = INT8) -> Tensor:
        """Return an input that holds a state between two steps, quantised as a whole."""
        tensor = self.tensor(self._operator.inputs[position], types, is_variable=True)
        self.require_one_scale(tensor)
        return tensor

    def intermediate(self, position: int) -> Tensor:
        """Return the tensor of one element that has the scale of a value inside the operator."""
        if position >= len(self._operator.intermediates):
            self.refuse(None, f"has {len(self._operator.intermediates)} intermediate scales")
        raw = self._raw_tensor(self._operator.intermediates[position])
        tensor = self._checked(replace(raw, shape=(1,), data=None), INT8, is_variable=False)
        self.require_one_scale(tensor)
        return tensor

    def weights(
        self,
        channel_dimension: int,
        dimensions: int,
        *,
        position: int = 1,
        types: Collection[ElementType] = INT8,
    ) -> Tensor:
        """Return an input of weights: constant, symmetric, one scale or one per channel.

        Args:
            channel_dimension: Along which they may have a scale each.
            dimensions: How many there must be.
            position: Of the input among the operator's inputs.
            types: Which types they may have.
        """
        if not self.has_input(position):
            self.refuse(None, f"has no input {position}")
        index = self._operator.inputs[position]
        tensor = self.tensor(index, types)
        if tensor.data is None:
            self.refuse(index, "holds weights that are not constant")
        if len(tensor.shape) != dimensions:
            self.refuse(index, f"has the shape {tensor.shape}, not {dimensions} sizes")
        if tensor.zero_point != 0:
            self.refuse(index, f"has the zero point {tensor.zero_point}, needs 0")
        channels = tensor.shape[channel_dimension]
        raw = self._raw.tensors[index]
        if len(tensor.scales) not in (1, channels):
            self.refuse(index, f"has {len(tensor.scales)} scales for {channels} channels")
        if len(tensor.scales) > 1 and raw.quantised_dimension != channel_dimension:
            self.refuse(index, f"is quantised along dimension {raw.quantised_dimension}")
        return tensor

    def require_scales(self, image: Tensor, weights: Tensor, output: Tensor) -> None:
        """Check that every channel's scale factor has a fixed point; ValueError says which not."""
        quantise.channel_multipliers(image.scale, weights.scales, output.scale, len(weights.scales))

    def bias(
        self,
        channels: int,
        *,
        position: int = 2,
        types: Collection[ElementType] = (ElementType.INT32,),
    ) -> Tensor | None:
        """Return an input of biases, None where there is none."""
        if not self.has_input(position):
            return None
        tensor = self.tensor(self._operator.inputs[position], types)
        if tensor.data is None or tensor.elements != channels:
            self.refuse(tensor.index, f"must be a constant bias of {channels} values")
        if tensor.zero_point != 0:
            self.refuse(tensor.index, f"has the zero point {tensor.zero_point}, a bias needs 0")
        return tensor

    def integers(self, position: int) -> npt.NDArray[np.int64]:
        """Return an input that is a constant of int32 or int64, such as axes, in its shape.

        Args:
            position: Of the input among the operator's inputs.
        """
        if position >= len(self._operator.inputs):
            self.refuse(None, f"has {len(self._operator.inputs)} inputs")
        tensor = self.tensor(self._operator.inputs[position], INTEGERS)
        if tensor.data is None:
            self.refuse(tensor.index, "is not constant", fix="convert the model again")
        return tensor_values(tensor).astype(np.int64)

    def integer_list(self, position: int, *, count: int | None = None) -> tuple[int, ...]:
        """Return ``integers`` as a tuple, of which there must be ``count`` where it is given."""
        values = tuple(int(value) for value in self.integers(position).reshape(-1))
        if len(values) > MAX_INTEGERS or (count is not None and len(values) != count):
            self.refuse(self._operator.inputs[position], f"holds {len(values)} numbers")
        return values

    def axes(self, position: int, tensor: Tensor) -> tuple[int, ...]:
        """Return the dimensions that a constant input names, each once, in order.

        Args:
            position: Of that input among the operator's inputs; a number below 0 counts from the
                last dimension.
            tensor: Whose dimensions they are.
        """
        dimensions = len(tensor.shape)
        named = [int(axis) for axis in self.integers(position).reshape(-1)]
        if not all(-dimensions <= axis < dimensions for axis in named):
            self.refuse(tensor.index, f"has {dimensions} dimensions, not those of axes {named}")
        return tuple(sorted({axis % dimensions for axis in named}))

    # Options -------------------------------------------------------------------------------

    def option(self, field: str) -> float:
        """Return one scalar of the operator's options table, which must be there."""
        if field not in self._operator.options:
            table = "options" if self._options is None else self._options.name
            self.refuse(None, f"has no {table}", fix="convert the model again")
        return self._operator.options[field]

    def fused_activation(self, output: Tensor) -> ActivationRange:
        """Return the limits of the output that the option ``FusedActivationFunction`` leaves."""
        code = int(self.option("FusedActivationFunction"))
        if code not in _ACTIVATION_LIMITS:
            self.refuse(
                None,
                f"has the fused activation {code}, which is not supported",
                fix="use none, or one of the rectifiers that only limit their input",
            )
        if output.scale == 0 and code != 0:
            self.refuse(
                output.index, "has the scale 0, at which its fused activation has no limits"
            )
        limits = quantise.activation_range(
            *_ACTIVATION_LIMITS[code],
            scale=output.scale,
            zero_point=output.zero_point,
            bits=8 * output.element_bytes,
        )
        if limits.minimum > limits.maximum:
            self.refuse(output.index, "cannot represent its fused activation")
        return limits

    def window(
        self, image: Tensor, output: Tensor, *, kernel: tuple[int, int], is_dilated: bool
    ) -> Window:
        """Place the window as TFLite does and compare the output's size.

        Args:
            image: What it moves over.
            output: What the file says that comes out.
            kernel: Height and width in pixels.
            is_dilated: The options have dilations; otherwise both are 1.
        """
        for tensor in (image, output):
            if len(tensor.shape) != 4:
                self.refuse(tensor.index, f"has the shape {tensor.shape}, not 4 sizes")
        padding = int(self.option("Padding"))
        strides, dilations, pads = [], [], []
        for axis, letter in ((0, "H"), (1, "W")):
            stride = int(self.option(f"Stride{letter}"))
            dilation = int(self.option(f"Dilation{letter}Factor")) if is_dilated else 1
            if not all(1 <= value <= MAX_WINDOW for value in (stride, dilation, kernel[axis])):
                self.refuse(None, f"has a kernel, stride or dilation outside 1 to {MAX_WINDOW}")
            size, effective = image.shape[1 + axis], (kernel[axis] - 1) * dilation + 1
            if padding == 0:  # SAME
                expected = (size + stride - 1) // stride
            elif padding == 1:  # VALID
                expected = (size + stride - effective) // stride
            else:
                self.refuse(None, f"has the padding {padding}, neither SAME nor VALID")
            if expected != output.shape[1 + axis] or expected < 1:
                self.refuse(
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

    def require_single_image(self, tensor: Tensor) -> None:
        """Refuse more than one image."""
        if len(tensor.shape) == 4 and tensor.shape[0] != 1:
            self.refuse(tensor.index, f"has {tensor.shape[0]} images", fix="use batch size 1")

    def require_shape(self, tensor: Tensor, shape: tuple[int, ...]) -> None:
        """Refuse another shape."""
        if tensor.shape != shape:
            self.refuse(tensor.index, f"has the shape {tensor.shape}, needs {shape}")
