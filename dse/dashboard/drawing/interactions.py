"""A metric over two parameters: a cell for each pair of values, with its median and its trials."""

from dse.output.drawing.charts import WIDTH
from dse.output.drawing.svg import Drawing
from dse.results.interactions import Interaction
from dse.words import metric_text

_ROW, _TOP, _NAMES = 34.0, 40.0, 110.0
SHADES = 6


def interaction_chart(found: Interaction, *, goal: str, title: str) -> Drawing:
    """Draw the medians; the darker, the better: the larger where it is no objective.

    Args:
        found: What to draw.
        goal: ``minimise`` or ``maximise``; empty for what is no objective.
        title: What a screen reader says.
    """
    drawing = Drawing(WIDTH, _TOP + len(found.rows) * _ROW + 8, title)
    wide = (WIDTH - _NAMES - 4) / max(len(found.columns), 1)
    drawing.text(4, 14, f"{found.down} ↓", "c-head")
    drawing.text(WIDTH - 4, 14, f"{found.across} →", "end c-head")
    for place, text in enumerate(found.columns):
        drawing.text(_NAMES + (place + 0.5) * wide, 33, _clipped(text, wide), "mid c-soft")
    for row, text in enumerate(found.rows):
        y = _TOP + (row + 0.5) * _ROW
        drawing.text(_NAMES - 8, y + 4, _clipped(text, _NAMES), "end c-soft")
    middles = [cell.middle for cell in found.cells.values()]
    low, high = min(middles, default=0.0), max(middles, default=0.0)
    for (place, row), cell in found.cells.items():
        share = (cell.middle - low) / (high - low) if high > low else 0.0
        shade = round((1 - share if goal == "minimise" else share) * (SHADES - 1))
        x, y = _NAMES + place * wide, _TOP + row * _ROW
        write = metric_text(found.metric, cell.middle)
        hint = (
            f"{found.across} = {found.columns[place]}, {found.down} = {found.rows[row]}: median"
            f" {write}, {metric_text(found.metric, cell.low)} to"
            f" {metric_text(found.metric, cell.high)}, {cell.trials} trials"
        )
        drawing.rect(x + 1, y + 1, wide - 2, _ROW - 2, f"c-heat-{shade}", hint)
        if wide >= 7.6 * len(write):
            drawing.text(x + wide / 2, y + 15, write, "mid")
        drawing.text(x + wide / 2, y + 28, f"n={cell.trials}", "mid c-soft")
    return drawing


def _clipped(text: str, wide: float) -> str:
    most = max(int(wide / 7.6), 2)
    return text if len(text) <= most else f"{text[: most - 1]}…"
