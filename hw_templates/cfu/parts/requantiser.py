"""TFLite's requantisation as a pipeline that takes an accumulator every cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Requantiser(wiring.Component):
    """Scales int32 accumulators to int8 exactly as TFLite's reference kernels round.

    A saturating rounding doubling high multiplication, a rounding division by a power of two
    (ties away from zero in both), plus the zero point, clamped. Four 16-bit partial products, so
    four MULT18X18D.

    Members:
        valid (In, 1): ``value`` and what belongs to it are sampled while high.
        value (In, int32): The accumulator.
        multiplier (In, 31): Q31, not negative.
        shift (In, 5): To the right.
        is_result (In, 1): Off keeps it from becoming a result: it comes out as ``scaled`` only.
        tag (In, 1): Comes out with the result.
        zero_point, lowest, highest (In, int8): Constant while anything is in flight.
        result_valid (Out, 1): ``result`` and ``result_tag`` are valid in this cycle.
        result (Out, int8): ``LATENCY`` cycles behind ``value``.
        result_tag (Out, 1): The tag of ``result``.
        scaled (Out, int32): What is no result, without zero point and limits,
            ``SCALED_LATENCY`` cycles behind ``value``.
        busy (Out, 1): Something is in flight, ``result`` included.
    """

    LATENCY = 7
    SCALED_LATENCY = LATENCY - 1

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": In(1),
                "value": In(signed(32)),
                "multiplier": In(31),
                "shift": In(5),
                "is_result": In(1),
                "tag": In(1),
                "zero_point": In(signed(8)),
                "lowest": In(signed(8)),
                "highest": In(signed(8)),
                "result_valid": Out(1),
                "result": Out(signed(8)),
                "result_tag": Out(1),
                "scaled": Out(signed(32)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        del platform
        m = Module()

        valids = Signal(self.LATENCY)
        tags = Signal(self.LATENCY)
        are_results = Signal(self.LATENCY)
        m.d.sync += [
            valids.eq(Cat(self.valid, valids[:-1])),
            are_results.eq(Cat(self.is_result, are_results[:-1])),
            tags.eq(Cat(self.tag, tags[:-1])),
        ]
        m.d.comb += [
            self.result_valid.eq(valids[-1] & are_results[-1]),
            self.result_tag.eq(tags[-1]),
            self.busy.eq(valids.any()),
        ]

        # value = high * 2^16 + low, the same for the multiplier.
        value_low, value_high = self.value[:16], self.value[16:].as_signed()
        factor_low, factor_high = self.multiplier[:16], self.multiplier[16:]
        low_low = Signal(32)
        low_high = Signal(31)
        high_low = Signal(signed(32))
        high_high = Signal(signed(31))
        m.d.sync += [
            low_low.eq(value_low * factor_low),
            low_high.eq(value_low * factor_high),
            high_low.eq(value_high * factor_low),
            high_high.eq(value_high * factor_high),
        ]

        # The product from bit 16 up; what is cut off below cannot change its rounding at bit 31.
        outer = Signal(signed(47))
        middle = Signal(signed(33))
        m.d.sync += [
            outer.eq(Cat(low_low[16:], high_high)),
            middle.eq(low_high + high_low),
        ]
        product = Signal(signed(47))
        m.d.sync += product.eq(outer + middle)

        # With p = product / 2^31 rounded: twice p, less one where it is negative, turns the
        # division by 2^shift with ties away from zero into a plain shift and a half. Where p is
        # rounded up to zero from below, -1 instead of 0 gives the same result.
        doubled = Signal(signed(33))
        correction = Cat(product[-1], product[14] ^ product[-1], product[-1] & ~product[14])
        m.d.sync += doubled.eq(Cat(0, product[15:]).as_signed() + correction.as_signed())
        shifts = [Signal(5, name=f"shift_{stage}") for stage in range(4)]
        m.d.sync += [
            later.eq(earlier)
            for earlier, later in zip([self.shift, *shifts[:-1]], shifts, strict=True)
        ]
        shifted = Signal(signed(33))
        m.d.sync += shifted.eq(doubled >> shifts[-1])

        twice_offset = Cat(1, Mux(are_results[4], self.zero_point, 0)).as_signed()
        offset = Signal(signed(33))
        m.d.sync += offset.eq((shifted + twice_offset) >> 1)
        m.d.comb += self.scaled.eq(offset)

        m.d.sync += self.result.eq(
            Mux(
                offset < self.lowest,
                self.lowest,
                Mux(offset > self.highest, self.highest, offset[:8].as_signed()),
            )
        )
        return m
