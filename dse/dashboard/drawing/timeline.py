"""The night of a study: a row for what each worker ran at a time, coloured by stage."""

from dse.output.drawing.charts import WIDTH
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import SERIES, Drawing
from dse.results.timeline import AttemptSpan, Timeline
from dse.words import duration_text

_ROW, _TOP, _NAMES = 20.0, 6.0, 132.0
_NARROWEST = 0.15
"""What is narrower is not drawn; tables have it."""
_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)


def timeline_chart(timeline: Timeline, *, title: str) -> Drawing:
    """Draw each attempt as a bar of its stages; grey is no stage, or one from the cache."""
    kinds = stage_kinds(timeline)
    legend = legend_of(kinds)
    key_rows = -(-len(legend) // 4)
    bottom = _TOP + len(timeline.lanes) * _ROW
    drawing = Drawing(WIDTH, bottom + 40 + 18 * key_rows, title)
    long_s = max(timeline.until_s - timeline.since_s, 1.0)
    across = Axis(low=0.0, high=long_s, start=_NAMES, end=WIDTH - 8)
    step_s = next((step for step in _STEPS_S if long_s / step <= 7), 86400 * (long_s // 600000 + 1))
    for number in range(int(long_s // step_s) + 1):
        x = across.at(number * step_s)
        drawing.line(x, _TOP, x, bottom, "c-grid")
        drawing.text(x, bottom + 14, duration_text(number * step_s), "mid c-soft")
    before = ""
    for row, lane in enumerate(timeline.lanes):
        y = _TOP + row * _ROW
        if lane.worker != before:
            drawing.text(_NAMES - 8, y + 14, worker_words(lane.worker), "end")
        before = lane.worker
        for attempt in lane.attempts:
            _draw_attempt(drawing, attempt, timeline.since_s, across, y, kinds)
    drawing.text((_NAMES + WIDTH) / 2, bottom + 30, "since the night began", "mid c-soft")
    for place, (kind, words) in enumerate(legend.items()):
        x, y = 8 + place % 4 * 156.0, bottom + 38 + place // 4 * 18.0
        drawing.rect(x, y, 12, 12, kind)
        drawing.text(x + 17, y + 10, words, "c-soft")
    return drawing


def stage_kinds(timeline: Timeline) -> dict[str, str]:
    """Return the class that each stage is drawn in; those that took least share one."""
    return {
        stage: f"c-series-mark-{place}" if place < len(SERIES) - 1 else "c-other"
        for place, stage in enumerate(timeline.stages)
    }


def legend_of(kinds: dict[str, str]) -> dict[str, str]:
    """Return what each class stands for: a stage, or how many stages share it."""
    sharing: dict[str, list[str]] = {}
    for stage, kind in kinds.items():
        sharing.setdefault(kind, []).append(stage)
    return {
        kind: stages[0] if len(stages) == 1 else f"{len(stages)} other stages"
        for kind, stages in sharing.items()
    }


def worker_words(worker: str) -> str:
    """Return a worker's name as it fits beside a row: its process, and its machine's name."""
    machine, _, process = worker.rpartition("/")
    text = process.partition(".")[0] + (f" on {machine}" if machine else "")
    return text if len(text) <= 19 else f"{text[:18]}…"


def _draw_attempt(
    drawing: Drawing,
    attempt: AttemptSpan,
    since_s: float,
    across: Axis,
    y: float,
    kinds: dict[str, str],
) -> None:
    start, end = across.at(attempt.start_s - since_s), across.at(attempt.end_s - since_s)
    took = duration_text(attempt.end_s - attempt.start_s)
    what = f"trial {attempt.trial}, {attempt.outcome or 'running'} after {took}"
    drawing.rect(start, y + 3, max(end - start, 0.8), _ROW - 6, "c-track", what)
    for span in attempt.stages:
        left, right = across.at(span.start_s - since_s), across.at(span.end_s - since_s)
        if span.is_cached or right - left < _NARROWEST:
            continue
        hint = f"trial {attempt.trial}: {span.stage} for {duration_text(span.end_s - span.start_s)}"
        drawing.rect(left, y + 3, right - left, _ROW - 6, kinds[span.stage], hint)
    if attempt.outcome is not None and attempt.outcome != "completed":
        drawing.path(f"M{end - 3:.1f} {y + 7:.1f}l6 6m0 -6l-6 6", "c-cross")
