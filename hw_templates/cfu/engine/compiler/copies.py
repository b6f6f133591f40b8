"""How tensors pass between the CPU's memory, where they have no gaps, and the engine's."""

from dataclasses import dataclass
from math import gcd

from contracts.network import Image
from hw_templates.cfu.engine.compiler.task import GatheredImage, SpreadImage, blocks
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.image import ImageFormat
from hw_templates.cfu.engine.isa import WORD_BYTES

_MOST_UNROLLED_WORDS = 32
_REGISTERS = 8
_PIXEL_CYCLES = 3
_WORD_CYCLES = 3
_SHIFTED_WORD_CYCLES = 5
_GATHERED_BYTE_CYCLES = 12
_PUSH_CYCLES = 1
"""Of a pixel that the engine spreads over rows, beside one for each word of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One row of the driver's table of transfers.

    Attributes:
        word: Where the tensor begins in ACTIVATIONS.
        pixels: How many pieces it is copied in, one where there are no gaps.
        pixel_bytes: Bytes of one of them in the CPU's memory.
        pixel_words: From one to the next in ACTIVATIONS.
        spread: How the engine spreads it over rows while it is written; None for copies.
        gathered: The windows that the pieces are; None where they lie in the tensor one by one.
    """

    word: int
    pixels: int
    pixel_bytes: int
    pixel_words: int
    spread: ImageFormat | None = None
    gathered: GatheredImage | None = None

    @property
    def stream(self) -> tuple[int, int]:
        """What begins the image of STREAM; zeros for copies."""
        return (0, 0) if self.spread is None else self.spread.words()

    @property
    def words(self) -> int:
        """Words of one piece."""
        return -(-self.pixel_bytes // WORD_BYTES)

    @property
    def cycles(self) -> int:
        """About how many the CPU takes to write it."""
        if self.gathered is not None:
            return _GATHERED_BYTE_CYCLES * self.gathered.elements
        if self.spread is not None:
            lines, width = self.spread.height, self.spread.width
            pushes = lines * (width + self.spread.ahead)
            spreading = _PUSH_CYCLES * pushes + self.spread.row_words * lines * width
            return max(_WORD_CYCLES * self.words, spreading)
        is_whole = self.pixels == 1 or self.pixel_bytes % WORD_BYTES == 0
        per_word = _WORD_CYCLES if is_whole else _SHIFTED_WORD_CYCLES
        return self.pixels * (_PIXEL_CYCLES + per_word * self.words)


def copy_of(image: Image, config: EngineConfig, *, word: int = 0) -> Copy:
    """Return how a tensor is copied: at one go where its pixels follow each other without gaps.

    Args:
        image: How it lies in the engine.
        config: The engine.
        word: Where it begins.
    """
    if isinstance(image, SpreadImage):
        sent = image.pixels * image.format.channels
        return Copy(word=word, pixels=1, pixel_bytes=sent, pixel_words=0, spread=image.format)
    pixel_words = blocks(image, config) * config.rows // WORD_BYTES
    pixels, pixel_bytes = image.pixels, image.channels
    if isinstance(image, GatheredImage):
        return Copy(
            word=word,
            pixels=pixels,
            pixel_bytes=pixel_bytes,
            pixel_words=pixel_words,
            gathered=image,
        )
    if pixel_bytes == pixel_words * WORD_BYTES:
        pixels, pixel_bytes, pixel_words = 1, pixels * pixel_bytes, pixels * pixel_words
    return Copy(word=word, pixels=pixels, pixel_bytes=pixel_bytes, pixel_words=pixel_words)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLoop:
    """A loop in C that writes a tensor whose pixels have gaps between them.

    A turn loads the whole words of a few pixels, ``w0``, ``w1`` and so on, and writes each pixel's.

    Attributes:
        number: Of the transfer.
        copy: Of the transfer.
        turns: How many there are.
        loads: Words that a turn loads.
        pixels: For each pixel of a turn the pairs of words that it writes, in C.
        sets_pointer: Before each pixel; without, the pairs lead to the next one.
        rest: Pixels behind the last turn.
    """

    number: int
    copy: Copy
    turns: int
    loads: int
    pixels: tuple[tuple[tuple[str, str], ...], ...]
    sets_pointer: bool
    rest: int

    @property
    def fits_registers(self) -> bool:
        """Whether a turn may load all its words before it writes the first."""
        return self.loads <= _REGISTERS


def write_loop(number: int, copy: Copy) -> WriteLoop | None:
    """Return the loop that writes a tensor; None for one of one piece, or of very large pixels.

    Neither for windows, which have a loop of their own, nor for pixels that begin at odd words,
    where no pair of words can be written.

    Args:
        number: Of the transfer.
        copy: Of the transfer.
    """
    if copy.gathered is not None:
        return None
    group = WORD_BYTES // gcd(WORD_BYTES, copy.pixel_bytes)
    is_large = group * copy.words > _MOST_UNROLLED_WORDS
    if copy.pixels < group or copy.pixels == 1 or is_large or copy.pixel_words % 2:
        return None
    group = _unrolled(group, copy)
    fills = copy.pixel_words - copy.words - copy.words % 2 <= 2
    pixels = []
    for pixel in range(group):
        words = [_word(pixel * copy.pixel_bytes, at, copy) for at in range(copy.words)]
        words += ["0"] * (copy.pixel_words - copy.words if fills else copy.words % 2)
        pixels.append(tuple(zip(words[::2], words[1::2], strict=True)))
    return WriteLoop(
        number=number,
        copy=copy,
        turns=copy.pixels // group,
        loads=group * copy.pixel_bytes // WORD_BYTES,
        pixels=tuple(pixels),
        sets_pointer=not fills,
        rest=copy.pixels % group,
    )


def _unrolled(group: int, copy: Copy) -> int:
    """Return how many pixels a turn writes: more than it must where registers hold their words."""
    groups = copy.pixels // group
    words = group * copy.pixel_bytes // WORD_BYTES
    most = max((n for n in range(1, 5) if n * words <= _REGISTERS and groups % n == 0), default=1)
    return group * most


def _word(first_byte: int, at: int, copy: Copy) -> str:
    """Return a word of a pixel in C, of the words that a turn loads; bytes behind it are any."""
    loaded, byte = divmod(first_byte + at * WORD_BYTES, WORD_BYTES)
    left = copy.pixel_bytes - at * WORD_BYTES
    if byte == 0:
        return f"w{loaded}"
    if byte + left <= WORD_BYTES:
        return f"w{loaded} >> {8 * byte}"
    return f"w{loaded} >> {8 * byte} | w{loaded + 1} << {32 - 8 * byte}"
