"""One tensor of a network, and the limits that a fused activation leaves to it."""

from dataclasses import dataclass
from math import prod


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

    @property
    def fields(self) -> dict[str, int | str]:
        """The limits under the names that every structure of ``layers.h`` has for them."""
        return {"activation_min": self.minimum, "activation_max": self.maximum}
