"""Exact scaling of a sum by a Q31 multiplier and a shift, a value in every cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

_HALF_BITS = 16


class Scaler(wiring.Component):
    """Computes value x 2^left_shift x multiplier / 2^(31 + shift), rounded as ``isa.Word`` says.

    ``value`` and ``multiplier`` are cut in halves of 16 bits: four products, or two where
    the value has no more than that.

    Args:
        value_bits: Of the value, with its sign; 32 at the most.
        left_shift: Constant factor; 30 at the most.

    Members:
        value, multiplier, shift (In): Sampled every cycle.
        rounds_once (In, 1): Constant while anything is in flight.
        offset (In, int8): Added to the result; constant as well.
        result (Out, signed 33 bits): ``latency`` cycles behind ``value``.
    """

    LATENCY = 8
    NARROW_LATENCY = 7

    def __init__(self, *, value_bits: int, left_shift: int = 0) -> None:
        self._value_bits = value_bits
        self._left_shift = left_shift
        self.latency = self.NARROW_LATENCY if value_bits <= _HALF_BITS else self.LATENCY
        super().__init__(
            {
                "value": In(signed(value_bits)),
                "multiplier": In(31),
                "shift": In(5),
                "rounds_once": In(1),
                "offset": In(signed(8)),
                "result": Out(signed(33)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        del platform
        m = Module()
        if self._value_bits <= _HALF_BITS:
            product, low_is_zero = self._multiplied_in_two(m)
        else:
            product, low_is_zero = self._multiplied_in_four(m)
        self._rounded(m, product, low_is_zero)
        return m

    def _multiplied_in_two(self, m: Module) -> tuple[Value, Value]:
        """Return the product from its bit 30 up, and whether it is 0 below."""
        low = Signal(signed(self._value_bits + _HALF_BITS))
        high = Signal(signed(self._value_bits + 15))
        m.d.sync += [
            low.eq(self.value * self.multiplier[:_HALF_BITS]),
            high.eq(self.value * self.multiplier[_HALF_BITS:]),
        ]
        product = Signal(signed(self._value_bits + 31))
        m.d.sync += product.eq(low + (high << _HALF_BITS))
        below = 30 - self._left_shift
        return product[below:].as_signed(), product[:below] == 0

    def _multiplied_in_four(self, m: Module) -> tuple[Value, Value]:
        value = Signal(signed(32))
        m.d.comb += value.eq(self.value << self._left_shift)
        value_low, value_high = value[:_HALF_BITS], value[_HALF_BITS:].as_signed()
        factor_low, factor_high = self.multiplier[:_HALF_BITS], self.multiplier[_HALF_BITS:]
        low_low, low_high = Signal(32), Signal(31)
        high_low, high_high = Signal(signed(32)), Signal(signed(31))
        m.d.sync += [
            low_low.eq(value_low * factor_low),
            low_high.eq(value_low * factor_high),
            high_low.eq(value_high * factor_low),
            high_high.eq(value_high * factor_high),
        ]
        outer, middle = Signal(signed(47)), Signal(signed(33))
        product = Signal(signed(47))  # from bit 16 up
        lowest_is_zero = Signal(2)
        m.d.sync += [
            outer.eq(Cat(low_low[_HALF_BITS:], high_high).as_signed()),
            middle.eq(low_high + high_low),
            product.eq(outer + middle),
            lowest_is_zero.eq(Cat(low_low[:_HALF_BITS] == 0, lowest_is_zero[0])),
        ]
        below = 30 - _HALF_BITS
        return product[below:].as_signed(), (product[:below] == 0) & lowest_is_zero[1]

    def _rounded(self, m: Module, product: Value, low_is_zero: Value) -> None:
        """Turn both roundings into one shift: half of (doubled >> shift) + 1, rounded down.

        With one rounding, ``doubled`` is the product from bit 30 up, less one where it is negative
        and 0 below: a tie goes away from 0. With two, it is twice the rounded product from bit
        31 up, less one where that is negative. Where that is rounded up to 0 from below, -1
        gives the same result.
        """
        is_negative, half = product[-1], product[0]
        doubled = Signal(product.shape())
        correction = Signal(signed(3))
        twice = Cat(is_negative, half ^ is_negative, is_negative & ~half)
        once = (is_negative & low_is_zero).replicate(3)
        m.d.sync += [
            doubled.eq(Cat(half & self.rounds_once, product[1:])),
            correction.eq(Mux(self.rounds_once, once, twice)),
        ]
        corrected = Signal(signed(len(product) + 1))
        m.d.sync += corrected.eq(doubled + correction)

        shift = self.shift
        for stage in range(self.latency - 3):
            later = Signal(5, name=f"shift_{stage}")
            m.d.sync += later.eq(shift)
            shift = later
        fine = Signal(3)
        coarse, shifted = Signal.like(corrected), Signal.like(corrected)
        m.d.sync += [
            fine.eq(shift),
            coarse.eq(corrected >> (shift & 0b11000)),
            shifted.eq(coarse >> fine),
            self.result.eq((shifted + Cat(1, self.offset).as_signed()) >> 1),
        ]
