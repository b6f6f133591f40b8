"""Windows that slide over lines: activations and weights of three lines at a time.

A window of 3 x 3 that moves down by a line or two shares lines with the one before. So an
activation is read once for all of them: when it comes, those of the two lines above it, read three
and six steps earlier, come out of registers beside it, and the three are multiplied with the
weights of one column of the window in one cycle.
"""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.engine.config import SLIDING_TAPS


class ActivationLines(wiring.Component):
    """Keeps the activations of the last two lines of a window.

    Args:
        bits: Of what comes in a step.

    Members:
        valid (In, 1): ``activations`` are those of a step.
        activations (In): Of the lowest line.
        above (Out): [line] of ``bits``: of the line above at the same time, and the one above that.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        lines = SLIDING_TAPS - 1
        super().__init__({"valid": In(1), "activations": In(bits), "above": Out(bits * lines)})

    def elaborate(self, platform: object) -> Module:
        """Build the registers."""
        del platform
        m = Module()
        kept: Value = self.activations
        for line in range(SLIDING_TAPS - 1):
            for step in range(SLIDING_TAPS):
                later = Signal(self._bits, name=f"line_{line}_{step}", reset_less=True)
                with m.If(self.valid):
                    m.d.sync += later.eq(kept)
                kept = later
            m.d.comb += self.above.word_select(line, self._bits).eq(kept)
        return m


def window_weights(
    m: Module, weight: Value, *, name: str, moves: Value, again: Value
) -> Sequence[Value]:
    """Return the weights of one column of a window, the lowest line's first, of one channel.

    They come one a step, line after line, for the first window of a column, and go round in
    registers for the next ones.

    Args:
        m: The module that gets the registers.
        weight: The one that comes.
        name: Of the registers.
        moves: It is a step.
        again: The weights are those of the window before, and none comes.
    """
    taps = []
    comes: Value = weight
    for line in range(SLIDING_TAPS):
        ring = [
            Signal(len(weight), name=f"{name}_{line}_{step}", reset_less=True)
            for step in range(SLIDING_TAPS)
        ]
        tap = Signal(len(weight), name=f"{name}_{line}")
        m.d.comb += tap.eq(Mux(again, ring[-1], comes))
        with m.If(moves):
            m.d.sync += [later.eq(one) for one, later in zip((tap, *ring), ring, strict=False)]
        taps.append(tap)
        comes = ring[-1]
    return taps
