"""What a family of hardware is told of a network, and the program that it makes of it.

The layers are said in the field's words, without names of operators or files: what each output
element is computed from. Arrays are int8 of NumPy, images are height, width, channels (NHWC without
the N). All integers are exact: who computes them as it stands here gives the reference's bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The sizes of a tensor, or how its bytes are looked at: each at least 1."""

    height: int
    width: int
    channels: int

    @property
    def pixels(self) -> int:
        """Pixels of one channel."""
        return self.height * self.width

    @property
    def elements(self) -> int:
        """Elements of all channels."""
        return self.pixels * self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a kernel moves over an image, in pixels; nothing is told of the padding behind it.

    The kernel's tap (y, x) of output pixel (Y, X) lies on the input pixel
    (Y * stride_height - pad_top + y * dilation_height, and the same of x).
    """

    kernel_height: int
    kernel_width: int
    stride_height: int = 1
    stride_width: int = 1
    dilation_height: int = 1
    dilation_width: int = 1
    pad_top: int = 0
    pad_left: int = 0

    @property
    def taps(self) -> int:
        """Pixels below the kernel."""
        return self.kernel_height * self.kernel_width

    def lies_within(self, image: Image, output: Image) -> bool:
        """Return whether no tap of any output pixel lies beside the image."""
        bottom = (output.height - 1) * self.stride_height - self.pad_top
        right = (output.width - 1) * self.stride_width - self.pad_left
        return (
            self.pad_top == self.pad_left == 0
            and bottom + (self.kernel_height - 1) * self.dilation_height < image.height
            and right + (self.kernel_width - 1) * self.dilation_width < image.width
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A factor: multiplier / 2^31 * 2^shift.

    Attributes:
        multiplier: Q31, not negative.
        shift: To the left where positive.
    """

    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requantisation:
    """How sums become int8.

    A sum, with its channel's bias added (32 bits, which wrap), is multiplied by the channel's
    scale, rounded to nearest with ties away from zero, moved by the zero point and clamped. One
    that rounds twice first rounds the product by 2^31, ties upwards, then the shift to the right.

    Attributes:
        biases: One for each output channel, or one for all; the input's zero point is in it.
        scales: One for each output channel, or one for all.
        rounds_once: Only the whole scale is rounded at.
        zero_point: Of the output.
        least: Of the output.
        greatest: Of the output.
    """

    biases: tuple[int, ...]
    scales: tuple[Scale, ...]
    rounds_once: bool
    zero_point: int
    least: int
    greatest: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowSum:
    """Each output channel is a sum over the window of all input channels.

    A convolution; a fully connected layer, whose image is a row of vectors.

    Attributes:
        input: Number of the tensor.
        output: Likewise.
        image: What of the input the window moves over.
        result: The output's sizes.
        window: How it moves.
        padding: What stands for an element beside the image: the input's zero point.
        weights: [output channel][kernel y][kernel x][input channel].
        requantisation: Of the sums.
    """

    input: int
    output: int
    image: Image
    result: Image
    window: Window
    padding: int
    weights: Int8s
    requantisation: Requantisation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelSum:
    """Each output channel is a sum over the window of the one input channel of its number.

    A depthwise convolution, an average.

    Attributes:
        input: Number of the tensor.
        output: Likewise.
        image: What the window moves over.
        result: The output's sizes, with as many channels.
        window: How it moves.
        padding: What stands for an element beside the image.
        weights: [kernel y][kernel x][channel].
        requantisation: Of the sums.
    """

    input: int
    output: int
    image: Image
    result: Image
    window: Window
    padding: int
    weights: Int8s
    requantisation: Requantisation


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMaximum:
    """Each output channel is the largest of one input channel below the window.

    Attributes:
        input: Number of the tensor.
        output: Likewise.
        image: What the window moves over; what lies beside it does not count.
        result: The output's sizes, with as many channels.
        window: How it moves.
        least: What the output is clamped to.
        greatest: Likewise.
    """

    input: int
    output: int
    image: Image
    result: Image
    window: Window
    least: int
    greatest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSum:
    """Each output element is the sum of one of either input, both brought to one scale.

    ``(element - zero point) << left_shift`` of each is scaled, rounding twice and without clamping;
    their sum is requantised to the output.

    Attributes:
        inputs: Numbers of the tensors.
        output: Number of the tensor.
        image: The sizes of all three.
        left_shift: Of both inputs.
        zero_points: Of the inputs.
        scales: Of the inputs.
        requantisation: Of the sum.
    """

    inputs: tuple[int, int]
    output: int
    image: Image
    left_shift: int
    zero_points: tuple[int, int]
    scales: tuple[Scale, Scale]
    requantisation: Requantisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """The output has the bytes of the input.

    Attributes:
        input: Number of the tensor.
        output: Likewise.
    """

    input: int
    output: int


Computation = WindowSum | ChannelSum | ChannelMaximum | TensorSum | Alias


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLayer:
    """One layer of a network.

    Attributes:
        name: For messages.
        reads: Numbers of the tensors that it reads, constants left out.
        writes: Numbers of the tensors that it writes.
        computation: What it computes; None where only the CPU can.
    """

    name: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    computation: Computation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network in execution order; each tensor is written once, before it is read.

    Attributes:
        layers: In order.
        inputs: Numbers of the tensors that a caller fills in before an inference, and that stay as
            they are until others come.
        outputs: Numbers of the tensors that are asked for behind the last layer.
    """

    layers: tuple[NetworkLayer, ...] = ()
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A tensor between the CPU's memory and the unit's.

    Attributes:
        tensor: Number of the tensor.
        number: What the unit's C knows it by.
    """

    tensor: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLayer:
    """A layer that the unit runs.

    Attributes:
        position: In the network.
        commands: Numbers of the unit's commands, one after the other; none where nothing is to do.
        output: How what it wrote is read, at once after it ran.
    """

    position: int
    commands: range
    output: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Consecutive layers that the unit runs without the CPU.

    Attributes:
        inputs: What the CPU writes to the unit before.
        layers: At least one; their commands follow each other.
        outputs: What the CPU reads from the unit behind.
    """

    inputs: tuple[Transfer, ...]
    layers: tuple[UnitLayer, ...]
    outputs: tuple[Transfer, ...]

    @property
    def commands(self) -> range:
        """The commands of all layers."""
        return range(self.layers[0].commands.start, self.layers[-1].commands.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a unit runs of a network; the CPU runs the rest.

    Attributes:
        segments: In order; layers in none of them are the CPU's.
        inputs: What the CPU writes to the unit as soon as an input is there; inferences leave it as
            it is.
        variables: For the templates of the unit's C (``unit.h`` says what that offers); there also
            where there are no segments.
        constant_bytes: What the unit's constants take in the image of the firmware.
        refusals: Position of a layer that the unit could run but for something, to what that is.
    """

    segments: tuple[Segment, ...] = ()
    inputs: tuple[Transfer, ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)
    constant_bytes: int = 0
    refusals: Mapping[int, str] = field(default_factory=dict)

    @property
    def layers(self) -> Mapping[int, UnitLayer]:
        """Position to layer of all that the unit runs."""
        return {layer.position: layer for segment in self.segments for layer in segment.layers}
