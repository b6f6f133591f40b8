"""What the page of a trial shows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from contracts.faults import NotFound
from contracts.measurement import Measurement, PathStep, Placement
from dse.dashboard.data.payload import mark
from dse.dashboard.data.selection import metric_names
from dse.dashboard.pages.artefacts import stage_files
from dse.dashboard.pages.parts import trial_row
from dse.dashboard.web.context import Context
from dse.output.drawing.charts import Bar, bar_chart, share_chart
from dse.output.drawing.layers import layers_drawing
from dse.output.drawing.svg import Drawing
from dse.results.columns import StudyColumns
from dse.results.layers import clock_mhz, layer_figures, roofline_of, roofline_text
from dse.store import TrialDetail
from dse.store.workers import is_gone
from dse.words import plural
from runners.fpga import PARTS, capacity_of
from runners.job import Target
from runners.measuring.metrics import METRICS


def trial_context(context: Context, columns: StudyColumns, number: int) -> dict[str, Any]:
    """Return everything that the page of a trial shows.

    Raises:
        NotFound: There is no such trial.
    """
    name = columns.config.name
    _, detail = context.studies.detail(name, number)
    columns = context.studies.columns(name)  # at least as new as the detail
    position = columns.index_of(number)
    if position is None:
        raise NotFound(f"study {name} has no trial {number}", fix="reload the page")
    measurement = detail.measurement
    trial = columns.trials[position]
    names = [*metric_names(columns), *(metric.name for metric in measurement.metrics)]
    order = list(dict.fromkeys(names))
    target = columns.config.target
    figures = layer_figures(measurement, trial.design, target)
    numbers = {other.id: other.number for other in columns.trials}
    return {
        "study": name,
        "config": columns.config,
        "mark": mark(columns),
        "row": trial_row(columns, position),
        "detail": detail,
        "belief": detail.belief,
        "measurement": measurement,
        "metrics": sorted(measurement.metrics, key=lambda m: order.index(m.name)),
        "parameters": detail.result.trial.design,
        "promotes": numbers.get(trial.promotes or -1),
        "promoted_by": next((t.number for t in columns.trials if t.promotes == trial.id), None),
        "previous": _neighbour(columns, position - 1),
        "next": _neighbour(columns, position + 1),
        "clock_mhz": clock_mhz(measurement, columns.config.target),
        "layers": list(zip(measurement.layers, figures, strict=True)),
        "roofline": roofline_text(roofline_of(measurement, trial.design, target)),
        "capacity": capacity_of(columns.config.target.part),
        "definitions": METRICS,
        "drawings": drawings(measurement, columns.config.target.part),
        "shares": shares(measurement, columns.config.target.part),
        "path": path_summary(measurement.placements),
        "files": stage_files(context.cache_root, measurement.artefacts),
        "commands": commands(context, detail, name),
        **standing_of(context, columns, detail),
    }


def standing_of(context: Context, columns: StudyColumns, detail: TrialDetail) -> dict[str, Any]:
    """Return where a trial that has not ended stands: what runs of it, or that its process died.

    ``standing`` is another word whenever the rest of its page may have changed, too.
    """
    now_s = context.now_s()
    number = detail.result.trial.number
    running = context.studies.running(columns.id, now_s=now_s)
    died = any(a.ended_s is None and is_gone(a.worker) for a in detail.attempts)
    state = "died" if died else detail.result.trial.state
    return {
        "died": died,
        "held": next((each for each in running if each.number == number), None),
        "standing": f"{state}-{len(detail.attempts)}",
        "now_s": now_s,
    }


def stages_drawing(measurement: Measurement) -> Drawing | None:
    """Draw the wall time of each stage."""
    if not measurement.stage_times:
        return None
    bars = [
        Bar(
            name=time.stage,
            value=time.wall_s,
            text="from the cache" if time.cached else f"{time.wall_s:.1f} s",
            hint=f"{time.cpu_s:.1f} CPU-seconds",
            kind="c-other" if time.cached else "c-bar",
        )
        for time in measurement.stage_times
    ]
    return bar_chart(bars, title="Wall time of each stage")


def shares(measurement: Measurement, part: str) -> list[tuple[str, float, float]]:
    """Return (resource, used, there) for what the part has a limited number of."""
    capacity = PARTS.get(part, {})
    return [
        (metric.name, metric.value, float(capacity[metric.name]))
        for metric in measurement.metrics
        if metric.name in capacity
    ]


def path_summary(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    """Return the steps of the last placement's critical path with the time that has passed."""
    if not placements:
        return []
    rows, at_ns = [], 0.0
    for step in placements[-1].critical_path:
        at_ns += step.delay_ns
        rows.append({"step": step, "at_ns": at_ns})
    return rows


def path_drawing(placements: Sequence[Placement]) -> Drawing | None:
    """Draw what the critical path is made of."""
    steps: tuple[PathStep, ...] = placements[-1].critical_path if placements else ()
    if not steps:
        return None
    by_kind: dict[str, list[PathStep]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step)
    whole_ns = sum(step.delay_ns for step in steps) or 1.0
    bars = [
        Bar(
            name=kind,
            value=sum(step.delay_ns for step in some),
            text=f"{sum(s.delay_ns for s in some):.2f} ns in {plural(len(some), 'step')}"
            f" ({sum(s.delay_ns for s in some) / whole_ns:.0%})",
        )
        for kind, some in by_kind.items()
    ]
    return bar_chart(bars, title="The critical path by kind of step")


def commands(context: Context, detail: TrialDetail, study: str) -> list[tuple[str, str]]:
    """Return what to type to get at the trial: (what for, command)."""
    names = {"print it": "show"}
    if detail.measurement.metrics:
        names |= {
            "measure it again and compare": "rerun",
            "open its simulated board": "board",
            "place it, load it into a board and measure it there": "flash",
        }
    number = str(detail.result.trial.number)
    return [(what, context.command(name, study, number)) for what, name in names.items()]


def drawings(measurement: Measurement, part: str) -> dict[str, Drawing | None]:
    """Return the charts of a trial by name; None for what it has nothing of."""
    used = shares(measurement, part)
    return {
        "layers": layers_drawing(measurement.layers),
        "stages": stages_drawing(measurement),
        "resources": share_chart(used, title=f"Use of {part}") if used else None,
        "path": path_drawing(measurement.placements),
    }


def tables(detail: TrialDetail, target: Target) -> dict[str, list[dict[str, Any]]]:
    """Return the tables behind the charts of a trial, by the same names."""
    measurement, design = detail.measurement, detail.result.trial.design
    figures = layer_figures(measurement, design, target)
    return {
        "layers": [
            {
                "layer": layer.name,
                "operator": layer.operator,
                "output_shape": "x".join(map(str, layer.output_shape)),
                "macs": layer.macs,
                "cycles": layer.cycles,
                **asdict(figure),
                "bytes_in": layer.bytes_in,
                "bytes_out": layer.bytes_out,
                "bytes_scratch": layer.bytes_scratch,
            }
            for layer, figure in zip(measurement.layers, figures, strict=True)
        ],
        "stages": [asdict(time) for time in measurement.stage_times],
        "resources": [
            {"resource": name, "used": used, "there": there}
            for name, used, there in shares(measurement, target.part)
        ],
        "path": [
            {**asdict(row["step"]), "at_ns": round(row["at_ns"], 3)}
            for row in path_summary(measurement.placements)
        ],
    }


def _neighbour(columns: StudyColumns, position: int) -> int | None:
    return columns.trials[position].number if 0 <= position < len(columns) else None
