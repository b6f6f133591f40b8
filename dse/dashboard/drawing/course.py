"""An objective over the trials of a study, with the best so far as a line of steps."""

import numpy as np

from dse.dashboard.data.payload import MOST_DRAWN
from dse.output.drawing.charts import WIDTH, frame
from dse.output.drawing.scale import Axis, make_axis
from dse.output.drawing.svg import Drawing
from dse.results.course import Course

_WIDE = 20.0


def course_chart(course: Course, *, unit: str, title: str) -> Drawing:
    """Draw each trial's value, and the best so far; crosses do not count."""
    drawing = Drawing(WIDTH, 260, title)
    values = course.values.tolist()
    across = Axis(low=0.0, high=float(course.numbers[-1]) + 1, start=62, end=WIDTH - 16)
    is_log = min(values) > 0 and max(values) >= _WIDE * min(values)
    upward = make_axis(values, start=216, end=26, is_log=is_log, metric=course.metric)
    frame(drawing, across, upward)
    middle = (across.start + across.end) / 2
    drawing.text(middle, 254, "trial; the line is the best so far", "mid c-soft")
    label = f"{course.metric}{f' [{unit}]' if unit else ''}{', log' if is_log else ''}"
    drawing.text(4, 14, label, "c-soft")
    shown = np.linspace(0, len(values) - 1, min(len(values), MOST_DRAWN)).astype(int).tolist()
    places = [
        (across.at(float(course.numbers[at])), upward.at(values[at]), bool(course.counts[at]))
        for at in shown
    ]
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y, counts in places if counts)
    drawing.path(dots, "c-dot")
    crosses = (f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6" for x, y, counts in places if not counts)
    drawing.path("".join(crosses), "c-cross")
    steps = [
        f"H{across.at(float(number)):.1f}V{upward.at(best):.1f}"
        for number, best in zip(course.numbers.tolist(), course.best.tolist(), strict=True)
        if np.isfinite(best)
    ]
    if steps:
        first = steps[0].partition("V")
        start = f"M{first[0][1:]} {first[2]}"
        drawing.path(start + "".join(steps) + f"H{across.end:.1f}", "c-line")
    return drawing
