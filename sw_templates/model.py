"""A network as plain frozen data: what the importer promises and the generator relies on."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of the model.

    Attributes:
        index: Its number in the file.
        name: Its name in the file, as it is; never used as a C identifier.
        shape: All dimensions, each at least 1.
        element_bytes: 1 for int8, 4 for int32.
        scales: Empty when it is not quantised, one for the tensor, or one per channel.
        zero_point: Of the whole tensor; 0 for weights and biases.
        data: Little-endian contents of a constant, None for activations.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    element_bytes: int
    scales: tuple[float, ...]
    zero_point: int
    data: bytes | None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of the contents."""
        return self.elements * self.element_bytes

    @property
    def scale(self) -> float:
        """The scale of a tensor that is quantised as a whole."""
        return self.scales[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRange:
    """Inclusive limits of the int8 output after the fused activation."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a kernel moves over an image: counts of pixels in each direction."""

    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operator in execution order; the subclass says which.

    Attributes:
        index: Its number in the file.
        inputs: The tensors of activations that it reads, constants among them for ADD.
        output: The tensor that it writes.
    """

    operator: ClassVar[str]
    kernel: ClassVar[str]

    index: int
    inputs: tuple[Tensor, ...]
    output: Tensor

    @property
    def name(self) -> str:
        """Kernel and index, for example ``conv2d_3``; a C identifier."""
        return f"{self.kernel}_{self.index}"

    @property
    def input(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return 0

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and bias, as far as there are any."""
        return ()

    @property
    def bytes_in(self) -> int:
        """Bytes of activations, weights and biases that the layer reads by definition."""
        return sum(tensor.size_bytes for tensor in (*self.inputs, *self.constants))


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedLayer(Layer):
    """A layer with weights; the weights are symmetric int8, one scale or one per output."""

    weights: Tensor
    bias: Tensor | None
    activation: ActivationRange

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and bias, as far as there are any."""
        return (self.weights,) if self.bias is None else (self.weights, self.bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2d(WeightedLayer):
    """CONV_2D; weights are [output channel, y, x, input channel]."""

    operator: ClassVar[str] = "CONV_2D"
    kernel: ClassVar[str] = "conv2d"
    window: Window

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return self.output.elements * prod(self.weights.shape[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2d(WeightedLayer):
    """DEPTHWISE_CONV_2D; weights are [1, y, x, output channel]."""

    operator: ClassVar[str] = "DEPTHWISE_CONV_2D"
    kernel: ClassVar[str] = "depthwise_conv2d"
    window: Window
    depth_multiplier: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return self.output.elements * self.window.kernel_height * self.window.kernel_width


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnected(WeightedLayer):
    """FULLY_CONNECTED; weights are [output, input]."""

    operator: ClassVar[str] = "FULLY_CONNECTED"
    kernel: ClassVar[str] = "fully_connected"

    @property
    def batches(self) -> int:
        """How many input vectors there are."""
        return self.output.elements // self.weights.shape[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition."""
        return self.batches * self.weights.elements


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Layer):
    """ADD of two tensors of the same shape."""

    operator: ClassVar[str] = "ADD"
    kernel: ClassVar[str] = "add"
    activation: ActivationRange


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePool2d(Layer):
    """AVERAGE_POOL_2D; padding does not count."""

    operator: ClassVar[str] = "AVERAGE_POOL_2D"
    kernel: ClassVar[str] = "average_pool2d"
    window: Window
    activation: ActivationRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Layer):
    """SOFTMAX over the last dimension."""

    operator: ClassVar[str] = "SOFTMAX"
    kernel: ClassVar[str] = "softmax"
    beta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Layer):
    """RESHAPE: the same bytes under another shape."""

    operator: ClassVar[str] = "RESHAPE"
    kernel: ClassVar[str] = "reshape"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network with one input and one output.

    Attributes:
        name: Of the file without its ending; printable ASCII without brackets.
        layers: In execution order, at least one.
        input: The tensor that a caller fills in.
        output: The tensor that holds the answer.
    """

    name: str
    layers: tuple[Layer, ...]
    input: Tensor
    output: Tensor

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)
