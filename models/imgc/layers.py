"""The layers of ResNet-8 (MLPerf Tiny image classification), in the order TFLite lists them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """One convolution with ``same`` padding.

    Attributes:
        name: Used in checkpoints and in files of bit widths.
        kernel: Side of the square kernel.
        inputs: Input channels.
        outputs: Output channels.
        stride: Step in both directions.
        norm: Followed by batch normalisation; the shortcuts have a bias instead.
        side: Side of the square output, in pixels.
    """

    name: str
    kernel: int
    inputs: int
    outputs: int
    stride: int
    norm: bool
    side: int

    @property
    def macs(self) -> int:
        """Products per image, padding counted as the reference counts it (as if present)."""
        return self.kernel**2 * self.inputs * self.outputs * self.side**2


def _conv(
    name: str, kernel: int, channels: tuple[int, int], side: int, *, stride: int = 1
) -> Convolution:
    inputs, outputs = channels
    return Convolution(
        name=name,
        kernel=kernel,
        inputs=inputs,
        outputs=outputs,
        stride=stride,
        norm=kernel == 3,
        side=side,
    )


def convolutions(width: int = 1) -> tuple[Convolution, ...]:
    """The convolutions of the network, or of a wider one with the same shape.

    Args:
        width: Factor on the channels of every layer, the image's three excepted.
    """
    few, some, many = 16 * width, 32 * width, 64 * width
    return (
        _conv("stem", 3, (3, few), 32),
        _conv("stage1_a", 3, (few, few), 32),
        _conv("stage1_b", 3, (few, few), 32),
        _conv("stage2_a", 3, (few, some), 16, stride=2),
        _conv("stage2_b", 3, (some, some), 16),
        _conv("stage2_skip", 1, (few, some), 16, stride=2),
        _conv("stage3_a", 3, (some, many), 8, stride=2),
        _conv("stage3_b", 3, (many, many), 8),
        _conv("stage3_skip", 1, (some, many), 8, stride=2),
    )


CONVOLUTIONS = convolutions()
FEATURES = 64
CLASS_COUNT = 10

WEIGHT_NAMES = (*(layer.name for layer in CONVOLUTIONS), "dense")
ACTIVATION_NAMES = (*WEIGHT_NAMES, "stage1_add", "stage2_add", "stage3_add")
MACS = sum(layer.macs for layer in CONVOLUTIONS) + FEATURES * CLASS_COUNT
