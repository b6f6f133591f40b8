"""One tensor of a network, and the limits that a fused activation leaves to it."""

from dataclasses import dataclass
from enum import Enum
from math import prod


class ElementType(Enum):
    """What one element of a tensor is; the value is TFLite's name of it."""

    BOOL = "BOOL"
    INT4 = "INT4"
    INT8 = "INT8"
    UINT8 = "UINT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FLOAT32 = "FLOAT32"

    @property
    def element_bytes(self) -> int:
        """Bytes of one element; of INT4, once it is unpacked."""
        match self:
            case ElementType.BOOL | ElementType.INT4 | ElementType.INT8 | ElementType.UINT8:
                return 1
            case ElementType.INT16:
                return 2
            case ElementType.INT32 | ElementType.FLOAT32:
                return 4
            case ElementType.INT64:
                return 8

    @property
    def bits(self) -> int:
        """Bits that tell one element from another."""
        return {"BOOL": 1, "INT4": 4}.get(self.value, 8 * self.element_bytes)

    def size_bytes(self, elements: int) -> int:
        """Return the bytes of so many elements; two of INT4 share one, the first in its low half.

        Args:
            elements: How many there are.
        """
        return (elements + 1) // 2 if self is ElementType.INT4 else elements * self.element_bytes

    @property
    def numpy_name(self) -> str:
        """The name of the little-endian type in NumPy, for example ``<i2``."""
        kind = {"BOOL": "?", "UINT8": "u", "FLOAT32": "f"}.get(self.value, "i")
        return "?" if kind == "?" else f"<{kind}{self.element_bytes}"

    @property
    def c_name(self) -> str:
        """The type in C, for example ``int16_t``."""
        match self:
            case ElementType.BOOL:
                return "uint8_t"
            case ElementType.INT4:
                return "int8_t"
            case ElementType.FLOAT32:
                return "float"
            case (
                ElementType.INT8
                | ElementType.UINT8
                | ElementType.INT16
                | ElementType.INT32
                | ElementType.INT64
            ):
                return f"{self.value.lower()}_t"

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest value of an integer type; (0, 1) of BOOL.

        Raises:
            ValueError: Of FLOAT32, which has none.
        """
        bits = 8 * self.element_bytes
        match self:
            case ElementType.BOOL:
                return (0, 1)
            case ElementType.INT4:
                return (-8, 7)
            case ElementType.UINT8:
                return (0, 255)
            case ElementType.INT8 | ElementType.INT16 | ElementType.INT32 | ElementType.INT64:
                return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            case ElementType.FLOAT32:
                raise ValueError("floats have no least value that counts")

    @property
    def zero_points(self) -> range:
        """The zero points that may be: any of a byte, 0 of int4 and int16, any number elsewhere."""
        match self:
            case ElementType.INT8:
                return range(-128, 128)
            case ElementType.UINT8:
                return range(256)
            case ElementType.INT4 | ElementType.INT16:
                return range(1)
            case ElementType.BOOL | ElementType.INT32 | ElementType.INT64 | ElementType.FLOAT32:
                return range(-(1 << 31), 1 << 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of the model.

    Attributes:
        index: Its number in the file.
        name: Its name in the file, as it is; never used as a C identifier.
        shape: All dimensions, each at least 1.
        type: What an element is.
        scales: Empty when it is not quantised, one for the tensor, or one per channel.
        zero_point: Of the whole tensor; 0 for weights and biases.
        data: Little-endian contents of a constant, None for activations.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    type: ElementType
    scales: tuple[float, ...]
    zero_point: int
    data: bytes | None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return self.type.element_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of the contents."""
        return self.type.size_bytes(self.elements)

    @property
    def scale(self) -> float:
        """The scale of a tensor that is quantised as a whole."""
        return self.scales[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRange:
    """Inclusive limits of the output after the fused activation."""

    minimum: int
    maximum: int

    @property
    def fields(self) -> dict[str, int | str]:
        """The limits under the names that every structure of ``layers.h`` has for them."""
        return {"activation_min": self.minimum, "activation_max": self.maximum}
