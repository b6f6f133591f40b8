"""The window that a convolution or a pooling moves over an image."""

from dataclasses import asdict, dataclass

from contracts import network
from sw_templates.tensor import Tensor


def image_of(tensor: Tensor) -> network.Image:
    """Return a tensor as one image for hardware; sizes before the last three make it higher."""
    *_, width, channels = (1, 1, *tensor.shape)
    return network.Image(
        height=tensor.elements // (width * channels), width=width, channels=channels
    )


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

    def image_fields(self, image: Tensor, output: Tensor) -> dict[str, int | str]:
        """Return sizes, strides and padding as the structures of ``layers.h`` name them.

        Args:
            image: What the window moves over, NHWC.
            output: What comes out, NHWC.
        """
        return {
            "input_height": image.shape[1],
            "input_width": image.shape[2],
            "output_height": output.shape[1],
            "output_width": output.shape[2],
            "stride_height": self.stride_height,
            "stride_width": self.stride_width,
            "pad_top": self.pad_top,
            "pad_left": self.pad_left,
        }

    def moving(self) -> network.Window:
        """Return the same for hardware."""
        return network.Window(**asdict(self))

    @property
    def kernel_fields(self) -> dict[str, int | str]:
        """Size and dilation of the kernel as the structures of ``layers.h`` name them."""
        return {
            "kernel_height": self.kernel_height,
            "kernel_width": self.kernel_width,
            "dilation_height": self.dilation_height,
            "dilation_width": self.dilation_width,
        }
