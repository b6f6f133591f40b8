"""What each group of columns multiplies: the row of activations, or lines of its own channels."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from hw_templates.cfu.engine.config import SLIDING_TAPS, EngineConfig
from hw_templates.cfu.engine.sliding import ActivationLines
from hw_templates.cfu.parts.products import registered, registered_sum, tree_stages


def lanes_of_groups(
    m: Module,
    config: EngineConfig,
    activations: Signal,
    *,
    columns: int,
    valid: Value,
    slides: Value,
) -> Sequence[Value]:
    """Return the row that each group of columns multiplies.

    Where windows slide its first lanes are three lines of its first column's channel, then of its
    second one's.

    Args:
        m: The module that gets the registers.
        config: Of the engine.
        activations: The row that comes from memory, or padding.
        columns: Of a group.
        valid: ``activations`` are those of a step.
        slides: The windows of the layer do.
    """
    if not config.slides:
        return [activations] * (config.cols // columns)
    m.submodules.lines = lines = ActivationLines(len(activations))
    m.d.comb += [lines.valid.eq(valid), lines.activations.eq(activations)]
    above = [lines.above.word_select(n, len(activations)) for n in range(SLIDING_TAPS - 1)]
    rows = []
    for first in range(0, config.cols, columns):
        own = Cat(
            line.word_select(first + column, 8)
            for column in range(columns)
            for line in (activations, *above)
        )
        rows.append(Cat(Mux(slides, own, activations[: len(own)]), activations[len(own) :]))
    return rows


def totals_of_groups(
    m: Module, config: EngineConfig, activations: Signal, lanes: Sequence[Value], *, slides: Value
) -> Sequence[Value]:
    """Return the sum of activations that each group of columns needs, in registers.

    The weights that have 128 added need it: all of them or, where windows slide, those of one
    column's channel.

    Args:
        m: The module that gets the registers.
        config: Of the engine.
        activations: The row that comes from memory, or padding.
        lanes: Of each group, from ``lanes_of_groups``.
        slides: The windows of the layer do.
    """
    total = registered_sum(
        m, [activations.word_select(n, 8).as_signed() for n in range(config.rows)]
    )
    if not (config.slides and config.packed):
        return [registered(m, total, name="total_activation")] * len(lanes)
    totals: list[Value] = []
    for number, row in enumerate(lanes):
        own = sum(row.word_select(tap, 8).as_signed() for tap in range(SLIDING_TAPS))
        for stage in range(tree_stages(config.rows)):
            own = registered(m, own, name=f"total_{number}_{stage}")
        totals.append(registered(m, Mux(slides, own, total), name=f"total_{number}"))
    return totals
