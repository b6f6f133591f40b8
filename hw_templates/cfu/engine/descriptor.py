"""A descriptor's fields as numbers, and back: the one place that knows which bits they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from hw_templates.cfu.engine.isa import (
    BLOCK_BITS,
    DESCRIPTOR_WORDS,
    MAGIC,
    ROUNDS_ONCE,
    SIZE_BITS,
    Kind,
    Word,
)


def int8(word: int, byte: int) -> int:
    """Return a byte of a word as a number with a sign."""
    value = word >> 8 * byte & 0xFF
    return value - 256 if value > 127 else value


def _packed(*values: int, bits: int) -> int:
    mask = (1 << bits) - 1
    return sum((value & mask) << bits * at for at, value in enumerate(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One layer; see ``isa.Word`` for each field. Pairs are height first, inputs in order.

    ADD reads only the fields from ``second_input`` on, ``output_size``, ``input_blocks``,
    ``output_tiles``, and what becomes of sums.
    """

    kind: Kind
    input: int
    output: int
    output_size: tuple[int, int]
    input_blocks: int
    output_tiles: int
    channels: int
    output_zero_point: int
    limits: tuple[int, int]
    rounds_once: bool = False
    input_size: tuple[int, int] = (1, 1)
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    padded_with: int = 0
    weights: int = 0
    second_input: int = 0
    zero_points: tuple[int, int] = (0, 0)
    multipliers: tuple[int, int] = (0, 0)
    shifts: tuple[int, int] = (0, 0)

    @classmethod
    def from_words(cls, words: Sequence[int]) -> "Descriptor | None":
        """Read a descriptor's words; None for those that end a run.

        A 0 where at least 1 is expected counts as 1, as in hardware.
        """
        head = words[Word.HEAD]
        if head >> 16 != MAGIC:
            return None

        def pair(
            word: Word, *, bits: int, first: int = 0, kept: int | None = None
        ) -> tuple[int, int]:
            mask = (1 << (kept or bits)) - 1
            low, high = words[word] >> first, words[word] >> (first + bits)
            return low & mask, high & mask

        def from_one(pair: tuple[int, int]) -> tuple[int, int]:
            return max(1, pair[0]), max(1, pair[1])

        blocks, tiles = from_one(pair(Word.BLOCKS, bits=16, kept=BLOCK_BITS))
        clamp, zero_points = words[Word.CLAMP], words[Word.ZERO_POINTS]
        shifts = pair(Word.SHIFTS, bits=8)
        return cls(
            kind=Kind(head & 3),
            rounds_once=bool(head & ROUNDS_ONCE),
            input=words[Word.INPUT],
            output=words[Word.OUTPUT],
            input_size=from_one(pair(Word.INPUT_SIZE, bits=16, kept=SIZE_BITS)),
            output_size=from_one(pair(Word.OUTPUT_SIZE, bits=16, kept=SIZE_BITS)),
            input_blocks=blocks,
            output_tiles=tiles,
            kernel=from_one(pair(Word.WINDOW, bits=8)),
            stride=from_one(pair(Word.WINDOW, bits=8, first=16)),
            padding=pair(Word.PADDING, bits=8),
            padded_with=int8(words[Word.PADDING], 2),
            weights=words[Word.WEIGHTS],
            channels=words[Word.CHANNELS],
            output_zero_point=int8(clamp, 0),
            limits=(int8(clamp, 1), int8(clamp, 2)),
            second_input=words[Word.SECOND_INPUT],
            zero_points=(int8(zero_points, 0), int8(zero_points, 1)),
            multipliers=(
                words[Word.FIRST_MULTIPLIER] % (1 << 31),
                words[Word.SECOND_MULTIPLIER] % (1 << 31),
            ),
            shifts=(shifts[0] % 32, shifts[1] % 32),
        )

    @property
    def steps(self) -> int:
        """How often the array multiplies: what MAX_STEPS limits."""
        height, width = self.output_size
        window = self.kernel[0] * self.kernel[1] if self.kind is not Kind.ADD else 2
        blocks = self.input_blocks if self.kind is Kind.DENSE else 1
        return height * width * self.output_tiles * window * blocks

    def words(self) -> list[int]:
        """Return the DESCRIPTOR_WORDS words of the descriptor."""
        words = [0] * DESCRIPTOR_WORDS
        words[Word.HEAD] = MAGIC << 16 | (ROUNDS_ONCE if self.rounds_once else 0) | self.kind
        words[Word.INPUT] = self.input
        words[Word.OUTPUT] = self.output
        words[Word.INPUT_SIZE] = _packed(*self.input_size, bits=16)
        words[Word.OUTPUT_SIZE] = _packed(*self.output_size, bits=16)
        words[Word.BLOCKS] = _packed(self.input_blocks, self.output_tiles, bits=16)
        words[Word.WINDOW] = _packed(*self.kernel, *self.stride, bits=8)
        words[Word.PADDING] = _packed(*self.padding, self.padded_with, bits=8)
        words[Word.WEIGHTS] = self.weights
        words[Word.CHANNELS] = self.channels
        words[Word.CLAMP] = _packed(self.output_zero_point, *self.limits, bits=8)
        words[Word.SECOND_INPUT] = self.second_input
        words[Word.ZERO_POINTS] = _packed(*self.zero_points, bits=8)
        words[Word.FIRST_MULTIPLIER], words[Word.SECOND_MULTIPLIER] = self.multipliers
        words[Word.SHIFTS] = _packed(*self.shifts, bits=8)
        return words
