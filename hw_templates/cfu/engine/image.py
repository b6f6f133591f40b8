"""Images of few channels, spread over rows: what the CPU says of one, and a model of what is done.

The array multiplies whole rows of activations, of which an image of three channels would fill three
lanes. So a row holds a pixel and its neighbours to the right: a kernel of 3 x 3 over 3 channels
becomes one of 3 x 1 over 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from hw_templates.cfu.engine.isa import SIZE_BITS, WORD_BYTES

MOST_CHANNELS = 4
MOST_BYTES = 16
"""Of the pixels in a row, which may be shorter."""
MOST_AHEAD = 7
_SIZE = (1 << SIZE_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """How an image is spread over rows.

    Row x of a line holds the pixels x - ``pixels`` + 1 + ``ahead`` to x + ``ahead`` of this line.

    Attributes:
        channels: Bytes of a pixel, 1 to 4.
        pixels: In a row, 1 to 16 // ``channels``.
        ahead: How far the last of them lies to the right, 0 to 7, below ``pixels``.
        padding: What stands for a byte beside the image, int8.
        width: Of the image in pixels, 1 to 1023.
        height: Lines of the image, 1 to 1023.
    """

    channels: int
    pixels: int
    ahead: int
    padding: int
    width: int
    height: int

    @property
    def row_words(self) -> int:
        """Words of a row that are written."""
        return -(-self.channels * self.pixels // WORD_BYTES)

    def words(self) -> tuple[int, int]:
        """Return rs1 and rs2.

        In rs1: ``channels`` - 1 (bits 0, 1), byte of the last pixel in a row (4 to 7),
        ``row_words`` - 1 (8, 9), ``ahead`` (12 to 14), ``padding`` (16 to 23). In rs2: ``width``
        (from bit 0), ``height`` (from bit 16).
        """
        last = (self.pixels - 1) * self.channels
        first = self.channels - 1 | last << 4 | self.row_words - 1 << 8
        first |= self.ahead << 12 | (self.padding & 0xFF) << 16
        return first, self.width | self.height << 16


@dataclass(slots=True, kw_only=True)
class ImageModel:
    """What STREAM writes; any words begin an image, sizes of 0 count as 1.

    Attributes:
        row_bytes: That a row can take; a power of two up to MOST_BYTES, which bits count follows.
        channels: As in ``ImageFormat``.
        last: Byte at which the last pixel of a row stands.
        row_words: As in ``ImageFormat``.
        ahead: As in ``ImageFormat``.
        padding: Byte without sign.
        width: As in ``ImageFormat``.
        lines: That are still to come.
    """

    row_bytes: int
    channels: int = 1
    last: int = 0
    row_words: int = 1
    ahead: int = 0
    padding: int = 0
    width: int = 1
    lines: int = 0
    _row: int = 0
    _seen: int = 0
    _waiting: list[int] = field(default_factory=list)

    @classmethod
    def begin(cls, a: int, b: int, *, rows: int) -> Self:
        """Return an image of which nothing has come yet, for an engine of ``rows``."""
        padding, row_bytes = a >> 16 & 0xFF, min(rows, MOST_BYTES)
        return cls(
            row_bytes=row_bytes,
            channels=(a & 3) + 1,
            last=(a >> 4) % row_bytes,
            row_words=(a >> 8) % (row_bytes // WORD_BYTES) + 1,
            ahead=a >> 12 & 7,
            padding=padding,
            width=(b & _SIZE) or 1,
            lines=(b >> 16 & _SIZE) or 1,
            _row=int.from_bytes([padding] * row_bytes, "little"),
        )

    def append(self, a: int, b: int) -> Iterator[tuple[int, ...]]:
        """Yield the words of each row that the next 8 bytes complete."""
        self._waiting += (a | b << 32).to_bytes(8, "little")
        while self.lines and len(self._waiting) >= self.channels:
            pixel, self._waiting = self._waiting[: self.channels], self._waiting[self.channels :]
            yield from self._push(pixel)
            if self._seen == self.width:
                for _ in range(self.ahead):
                    yield from self._push([self.padding] * self.channels)
                self._row = int.from_bytes([self.padding] * self.row_bytes, "little")
                self._seen = 0
                self.lines -= 1
        if not self.lines:
            self._waiting.clear()

    def _push(self, pixel: list[int]) -> Iterator[tuple[int, ...]]:
        """A pixel enters at byte ``last``; all before move down, what stood there is gone."""
        own = int.from_bytes(bytes(pixel), "little")
        kept = (self._row >> 8 * self.channels) & ((1 << 8 * self.last) - 1)
        self._row = (kept | own << 8 * self.last) & ((1 << 8 * self.row_bytes) - 1)
        self._seen += 1
        if self._seen > self.ahead:
            yield tuple(self._row >> 32 * word & 0xFFFF_FFFF for word in range(self.row_words))
