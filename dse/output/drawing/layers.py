"""The layers of an inference as bars."""

from collections.abc import Sequence

from contracts.measurement import LayerProfile
from dse.output.drawing.charts import Bar, bar_chart
from dse.output.drawing.svg import Drawing


def layers_drawing(layers: Sequence[LayerProfile]) -> Drawing | None:
    """Draw the cycles of each layer; None without layers."""
    if not layers:
        return None
    total = sum(layer.cycles for layer in layers) or 1
    bars = [
        Bar(
            name=layer.name,
            value=layer.cycles,
            text=f"{layer.cycles:,} ({layer.cycles / total:.1%})",
            hint=f"{layer.operator}, {layer.macs:,} MAC",
        )
        for layer in layers
    ]
    return bar_chart(bars, title="Cycles of each layer")
