"""How the hypervolume grew, as a line of steps."""

from dse.output.drawing.charts import WIDTH, frame
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import Drawing
from dse.results.growth import Growth


def growth_chart(growth: Growth, *, over: str, title: str) -> Drawing:
    """Draw the share of the final hypervolume over ended trials or over hours."""
    drawing = Drawing(WIDTH, 240, title)
    is_time = over == "time"
    hours = growth.total_s >= 7200
    unit = 3600.0 if hours else 60.0
    xs = [s / unit for s in growth.elapsed_s] if is_time else list(map(float, growth.ended))
    last = growth.total_s / unit if is_time else float(growth.total_ended)
    across = Axis(low=0.0, high=max(last, 1e-9), start=48, end=WIDTH - 16)
    upward = Axis(low=0.0, high=1.05, start=200, end=12)
    frame(drawing, across, upward, percent=True)
    name = ("hours" if hours else "minutes") + " since the first trial started"
    drawing.text(
        (across.start + across.end) / 2, 234, name if is_time else "trials ended", "mid c-soft"
    )
    points = [f"M{across.start:.1f} {upward.at(0):.1f}"]
    for x, volume in zip(xs, growth.volume, strict=True):
        points.append(f"H{across.at(x):.1f}V{upward.at(volume):.1f}")
    points.append(f"H{across.end:.1f}")
    drawing.path("".join(points), "c-line")
    return drawing
