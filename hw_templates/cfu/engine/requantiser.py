"""Exact scaling of a sum by a Q31 multiplier and a shift, a value in every cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.parts.products import product_in_luts

_HALF_BITS = 16
_PRODUCT_LATENCY = 3
_ROUNDING_LATENCY = 5
_POINT = 30
"""Bit of a product from which on it is rounded."""


class Scaler(wiring.Component):
    """Computes value x multiplier / 2^(31 + shift), rounded as ``isa.Word`` says.

    ``value`` and ``multiplier`` are cut in halves of 16 bits. Of the four products the highest one
    is made of look-up tables: the other three fill multipliers, of which an array leaves few.

    Members:
        value, multiplier, shift (In): Sampled every cycle.
        rounds_once (In, 1): Constant while anything is in flight.
        offset (In, int8): Added to the result; constant as well.
        result (Out, signed 33 bits): LATENCY cycles behind ``value``.
    """

    LATENCY = _PRODUCT_LATENCY + _ROUNDING_LATENCY

    def __init__(self) -> None:
        super().__init__(
            {
                "value": In(signed(32)),
                "multiplier": In(31),
                "shift": In(5),
                "rounds_once": In(1),
                "offset": In(signed(8)),
                "result": Out(signed(33)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the multipliers, and what rounds behind them."""
        del platform
        m = Module()
        product, low_is_zero = self._multiplied(m)
        shift = self.shift
        for stage in range(_PRODUCT_LATENCY):
            later = Signal(5, name=f"shift_{stage}")
            m.d.sync += later.eq(shift)
            shift = later
        m.submodules.rounding = rounding = Rounding(product_bits=len(product))
        m.d.comb += [
            rounding.product.eq(product),
            rounding.low_is_zero.eq(low_is_zero),
            rounding.shift.eq(shift),
            rounding.rounds_once.eq(self.rounds_once),
            rounding.offset.eq(self.offset),
            self.result.eq(rounding.result),
        ]
        return m

    def _multiplied(self, m: Module) -> tuple[Value, Value]:
        """Return the product from bit 30 up, and whether it is 0 below."""
        value_low, value_high = self.value[:_HALF_BITS], self.value[_HALF_BITS:].as_signed()
        factor_low, factor_high = self.multiplier[:_HALF_BITS], self.multiplier[_HALF_BITS:]
        low_low, low_high = Signal(32), Signal(31)
        high_low = Signal(signed(32))
        m.d.sync += [
            low_low.eq(value_low * factor_low),
            low_high.eq(value_low * factor_high),
            high_low.eq(value_high * factor_low),
        ]
        high_high = product_in_luts(m, value_high, Cat(factor_high, 0), registered_at=4)
        outer, middle = Signal(signed(47)), Signal(signed(33))
        product = Signal(signed(47))  # from bit 16 up
        lowest_is_zero = Signal(2)
        m.d.sync += [
            outer.eq(Cat(low_low[_HALF_BITS:], high_high).as_signed()),
            middle.eq(low_high + high_low),
            product.eq(outer + middle),
            lowest_is_zero.eq(Cat(low_low[:_HALF_BITS] == 0, lowest_is_zero[0])),
        ]
        below = _POINT - _HALF_BITS
        return product[below:].as_signed(), (product[:below] == 0) & lowest_is_zero[1]


class Rounding(wiring.Component):
    """Divides a product by 2^(31 + shift) and rounds it.

    Args:
        product_bits: Of the product from bit 30 up, with its sign.

    Members:
        product (In): From bit 30 up.
        low_is_zero (In, 1): It is 0 below.
        shift (In): With ``product``.
        rounds_once, offset (In): As a scaler's.
        result (Out, signed 33 bits): LATENCY cycles behind ``product``.
    """

    LATENCY = _ROUNDING_LATENCY

    def __init__(self, *, product_bits: int) -> None:
        super().__init__(
            {
                "product": In(signed(product_bits)),
                "low_is_zero": In(1),
                "shift": In(5),
                "rounds_once": In(1),
                "offset": In(signed(8)),
                "result": Out(signed(33)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Turn both roundings into one shift: half of (doubled >> shift) + 1, rounded down.

        With one rounding, ``doubled`` is the product from bit 30 up, less one where it is negative
        and 0 below: a tie goes away from 0. With two, it is twice the rounded product from bit
        31 up, less one where that is negative. Where that is rounded up to 0 from below, -1
        gives the same result.
        """
        del platform
        m = Module()
        product = self.product
        is_negative, half = product[-1], product[0]
        doubled = Signal(product.shape())
        correction = Signal(signed(3))
        twice = Cat(is_negative, half ^ is_negative, is_negative & ~half)
        once = (is_negative & self.low_is_zero).replicate(3)
        m.d.sync += [
            doubled.eq(Cat(half & self.rounds_once, product[1:])),
            correction.eq(Mux(self.rounds_once, once, twice)),
        ]
        corrected = Signal(signed(len(product) + 1))
        m.d.sync += corrected.eq(doubled + correction)

        shifts = [Signal(5, name=f"shift_{stage}") for stage in range(2)]
        fine = Signal(3)
        coarse, shifted = Signal.like(corrected), Signal.like(corrected)
        m.d.sync += [
            Cat(shifts).eq(Cat(self.shift, shifts[0])),
            fine.eq(shifts[1]),
            coarse.eq(corrected >> (shifts[1] & 0b11000)),
            shifted.eq(coarse >> fine),
            self.result.eq((shifted + Cat(1, self.offset).as_signed()) >> 1),
        ]
        return m
