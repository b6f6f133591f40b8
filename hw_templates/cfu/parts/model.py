"""Reference models of the parts: what they answer, without time."""

from collections import deque

from hw_templates.cfu.parts.adder import ADD_LEFT_SHIFT

_WORD = 0xFFFF_FFFF


def signed(value: int, bits: int) -> int:
    """Read the low ``bits`` bits as a two's complement number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def requantise(value: int, multiplier: int, shift: int) -> int:
    """Scale an accumulator as TFLite's reference kernels do.

    Args:
        value: The accumulator, int32.
        multiplier: Q31, 0 to 2^31 - 1.
        shift: To the right, 0 to 31.

    Returns:
        A rounding doubling high multiplication, then a rounding division by 2^shift.
    """
    high = (value * multiplier + (1 << 30)) >> 31
    mask = (1 << shift) - 1
    threshold = (mask >> 1) + (high < 0)
    return (high >> shift) + ((high & mask) > threshold)


def dot(a: bytes, b: bytes) -> int:
    """Sum the products of int8 pairs."""
    return sum(signed(x, 8) * signed(y, 8) for x, y in zip(a, b, strict=True))


class OutputStage:
    """Requantised results on their way into words.

    Args:
        result_words: How many words can wait.
    """

    def __init__(self, *, result_words: int) -> None:
        self._result_words = result_words
        self._zero_point = self._lowest = self._highest = 0
        self._scales = [(0, 0)] * 4
        self._input_zero_points = (0, 0)
        self._packed = b""
        self._words: deque[int] = deque()

    def configure(self, option: int, a: int, b: int) -> None:
        """Execute CONFIGURE's options 1, 2 and 3."""
        if option == 1:
            self._zero_point = signed(a, 8)
            self._lowest, self._highest = signed(b, 8), signed(b >> 8, 8)
        elif option == 2:
            self._scales[b >> 8 & 3] = (a % (1 << 31), b % 32)
        elif option == 3:
            self._input_zero_points = (signed(a, 8), signed(a >> 8, 8))

    def clear(self) -> None:
        """Forget all results."""
        self._packed = b""
        self._words.clear()

    @property
    def waiting(self) -> int:
        """Words that have not been read."""
        return len(self._words)

    def start_word(self) -> None:
        """Forget the results of a word that is not complete."""
        self._packed = b""

    def add_word(self, word: int) -> None:
        """Append a word; it is dropped when too many wait."""
        if len(self._words) < self._result_words:
            self._words.append(word & _WORD)

    def add_tensors(self, a: int, b: int, *, keeps_words: bool) -> None:
        """Execute ADD."""
        for element in range(4):
            total = 0
            for operand, word in enumerate((a, b)):
                value = signed(word >> 8 * element, 8) - self._input_zero_points[operand]
                total += requantise(value << ADD_LEFT_SHIFT, *self._scales[operand])
            total = signed(total, 32)
            self.add_result(total, *self._scales[2], is_last=False, keeps_words=keeps_words)

    def add_result(
        self, value: int, multiplier: int, shift: int, *, is_last: bool, keeps_words: bool = True
    ) -> None:
        """Requantise an accumulator and append its int8; ``keeps_words`` off loses full words."""
        result = requantise(value, multiplier, shift) + self._zero_point
        if result < self._lowest:
            result = self._lowest
        elif result > self._highest:
            result = self._highest
        self._packed += bytes([result & 0xFF])
        if is_last or len(self._packed) == 4:
            if keeps_words:
                self.add_word(int.from_bytes(self._packed.rjust(4, b"\0"), "little"))
            self._packed = b""

    def read(self) -> int:
        """Remove and return the oldest word, 0 when there is none."""
        return self._words.popleft() if self._words else 0
