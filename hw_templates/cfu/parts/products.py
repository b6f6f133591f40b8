"""Products of int8, two in one multiplier or one in look-up tables, and sums of many."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

PRODUCT_BITS = 16
_SUMMANDS = 4
"""Summed between two registers."""


class PackedProduct(wiring.Component):
    """Multiplies one activation with two weights in one multiplier of 18 x 18 bits.

    The weights lie ten bits apart: their product with the activation is
    activation x high x 1024 + activation x low, and the second summand has 16 bits. So its carry
    into the first one, of 6 bits with a sign, is what the low 6 bits of activation x high are
    wrong by; those are cheap to compute once more. All is exact.

    Members:
        activation, high (In, int8): Operands.
        low (In, 8): A weight with 128 added, without a sign.
        low_part, carry (Out): activation x low is carry x 1024 + low_part.
        high_part (Out): activation x high is high_part - carry. All three one cycle behind the
            operands.
    """

    CARRY_BITS = 6
    _GAP_BITS = 10

    def __init__(self) -> None:
        super().__init__(
            {
                "activation": In(signed(8)),
                "low": In(8),
                "high": In(signed(8)),
                "low_part": Out(signed(self._GAP_BITS + 1)),
                "carry": Out(signed(self.CARRY_BITS)),
                "high_part": Out(signed(PRODUCT_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the multiplier and the low bits of one product."""
        del platform
        m = Module()
        weights = Signal(signed(18))
        product = Signal(signed(26))
        lowest = Signal(self.CARRY_BITS)
        m.d.comb += weights.eq((self.high << self._GAP_BITS) | self.low)
        m.d.sync += [product.eq(self.activation * weights), lowest.eq(self._lowest(m))]
        gap = self._GAP_BITS
        m.d.comb += [
            self.low_part.eq(product[:gap]),
            self.carry.eq(product[gap : gap + self.CARRY_BITS] - lowest),
            self.high_part.eq(product[gap:].as_signed()),
        ]
        return m

    def _lowest(self, m: Module) -> Value:
        """Return the low bits of activation x high, from sums: ``*`` would be a multiplier."""
        bits = self.CARRY_BITS
        rows = [
            (self.activation[: bits - at] & self.high[at].replicate(bits - at)) << at
            for at in range(bits)
        ]
        while len(rows) > 1:
            pairs = []
            for number, first in enumerate(rows[::2]):
                if 2 * number + 1 == len(rows):
                    pairs.append(first)
                    continue
                pair = Signal(bits, name=f"pair_{len(rows)}_{number}", attrs={"keep": 1})
                m.d.comb += pair.eq(first + rows[2 * number + 1])
                pairs.append(pair)
            rows = pairs
        return rows[0]


def product_in_luts(
    m: Module, activation: Value, weight: Value, *, registered_at: int | None = None
) -> Value:
    """Return a product from sums of shifted rows: ``*`` would be a multiplier.

    Args:
        m: The module that gets the sums.
        activation: Factor with a sign.
        weight: The same, of the same width, a power of two.
        registered_at: Sums of this many rows go into registers; none do unless given.
    """
    bits = len(weight)
    rows: list[Value] = [
        (activation & weight[at].replicate(bits).as_signed()).as_signed() for at in range(bits)
    ]
    shift = 1
    while len(rows) > 1:
        sums: list[Value] = []
        for number, (low, high) in enumerate(zip(rows[::2], rows[1::2], strict=True)):
            # the highest bit of a weight is its sign
            is_sign = shift == 1 and 2 * number + 2 == bits
            shifted = high << shift
            # keep: yosys would merge the sums into compressors, twice as large as carry chains
            sum_ = Signal(signed(bits + 2 * shift), attrs={"keep": 1})
            m.d.comb += sum_.eq(low - shifted if is_sign else low + shifted)
            sums.append(sum_)
        shift *= 2
        rows = (
            [registered(m, sum_, name="rows") for sum_ in sums] if shift == registered_at else sums
        )
    return rows[0]


def tree_stages(summands: int) -> int:
    """Return the latency of ``registered_sum``."""
    stages = 0
    while summands > 1:
        stages, summands = stages + 1, -(-summands // _SUMMANDS)
    return stages


def registered_sum(m: Module, summands: Sequence[Value]) -> Value:
    """Return the sum of signed values, behind a register for each four-fold."""
    while len(summands) > 1:
        summands = [
            _sum_of_few(m, summands[first : first + _SUMMANDS])
            for first in range(0, len(summands), _SUMMANDS)
        ]
    return summands[0]


def _sum_of_few(m: Module, summands: Sequence[Value]) -> Value:
    while len(summands) > 1:
        pairs = []
        for first, second in zip(summands[::2], summands[1::2], strict=True):
            # keep: yosys would merge the tree into compressors, twice as large as carry chains
            pair = Signal(signed(len(first) + 1), attrs={"keep": 1})
            m.d.comb += pair.eq(first + second)
            pairs.append(pair)
        summands = pairs
    return registered(m, summands[0], name="partial_sum")


def registered(m: Module, value: Value, *, name: str) -> Signal:
    """Return a register behind a value with a sign."""
    register = Signal(signed(len(value)), name=name)
    m.d.sync += register.eq(value)
    return register
