"""One trial as text, and the same values as JSON-ready data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from contracts.measurement import Measurement, PathStep, Placement
from contracts.parameter import Value
from dse.output.calibration_report import belief_data, belief_lines
from dse.output.report import reuse_data, table_text, time_text
from dse.results.layers import clock_mhz, layer_figures, roofline_of, roofline_text
from dse.store import TrialDetail, TrialResult
from dse.words import (
    duration_text,
    latency_text,
    metric_text,
    metric_title,
    number_text,
    printable,
    value_text,
)
from runners.fpga import capacity_of
from runners.job import Target


def show_data(detail: TrialDetail, target: Target) -> dict[str, Any]:
    """Return everything about one trial of a study for ``target``."""
    result, trial = detail.result, detail.result.trial
    roofline = roofline_of(detail.measurement, trial.design, target)
    figures = layer_figures(detail.measurement, trial.design, target)
    return {
        "trial": trial.number,
        "state": trial.state.value,
        "fidelity": trial.fidelity.value,
        "design_id": trial.design_id,
        "design": trial.design,
        "suggested_by": trial.suggested_by,
        "tags": list(detail.remark.tags),
        "note": detail.remark.note,
        "belief": belief_data(detail.belief),
        "reused_from": reuse_data(result),
        "metrics": [asdict(metric) for metric in detail.measurement.metrics],
        "placements": [asdict(placement) for placement in detail.measurement.placements],
        "layers": [
            {**asdict(layer), **asdict(figure)}
            for layer, figure in zip(detail.measurement.layers, figures, strict=True)
        ],
        "roofline": None if roofline is None else asdict(roofline),
        "stages": [asdict(time) for time in detail.measurement.stage_times],
        "artefacts": dict(detail.measurement.artefacts),
        "tools": dict(detail.measurement.tools),
        "attempts": [
            {
                "number": attempt.number,
                "worker": attempt.worker,
                "started": time_text(attempt.started_s),
                "wall_s": None
                if attempt.ended_s is None
                else round(attempt.ended_s - attempt.started_s, 3),
                "outcome": attempt.outcome,
                "kind": attempt.kind,
                "what": attempt.what,
                "fix": attempt.fix,
                "detail": attempt.detail,
            }
            for attempt in detail.attempts
        ],
    }


def show_text(detail: TrialDetail, target: Target) -> str:
    """Lay out everything about one trial of a study for ``target``."""
    result, trial = detail.result, detail.result.trial
    lines = [
        f"trial {trial.number}: {trial.state} ({trial.fidelity}), suggested by {trial.suggested_by}"
    ]
    if trial.is_stand_in:
        lines.append("the search failed when this design was asked for: it was drawn at random")
    if result.reused_from is not None:
        lines.append("reused: measured as " + _origin(result))
    if detail.remark.tags:
        lines.append(f"tags: {printable(' '.join(detail.remark.tags))}")
    lines += [f"note: {printable(line)}" for line in detail.remark.note.splitlines()]
    lines += ["", *(f"  {name} = {value_text(value)}" for name, value in trial.design.items())]
    measurement = detail.measurement
    if detail.belief is not None:
        lines += ["", *belief_lines(detail.belief, result.metrics)]
    if measurement.metrics:
        lines += ["", _metrics_text(measurement, capacity_of(target.part))]
        if any(metric.name == "latency_us" and metric.estimate for metric in measurement.metrics):
            lines.append(f"latency is an estimate, at {clock_mhz(measurement, target):g} MHz")
    if measurement.placements:
        lines += ["", *_placement_lines(measurement.placements)]
    if measurement.layers:
        lines += ["", *_layer_lines(measurement, trial.design, target)]
    if measurement.stage_times:
        rows = [
            [time.stage, f"{time.wall_s:.1f}", f"{time.cpu_s:.1f}", "yes" if time.cached else "no"]
            for time in measurement.stage_times
        ]
        lines += ["", table_text(["stage", "wall s", "CPU s", "cached"], rows)]
    for attempt in detail.attempts:
        ended = attempt.ended_s
        took = "running" if ended is None else duration_text(ended - attempt.started_s)
        lines += ["", f"attempt {attempt.number}: {attempt.outcome or 'running'}, {took}"]
        if attempt.kind is not None:
            lines += [f"  {attempt.kind}: {attempt.what}", f"  fix: {attempt.fix}"]
        if attempt.detail:
            lines += [f"  | {line}" for line in attempt.detail.splitlines()]
    if measurement.tools:
        versions = [[name, version] for name, version in measurement.tools.items()]
        lines += ["", table_text(["tool", "version"], versions, left=2)]
    return "\n".join(lines)


def _metrics_text(measurement: Measurement, capacity: Mapping[str, int]) -> str:
    rows = [
        [
            metric_title(metric.name),
            metric_text(metric.name, metric.value),
            number_text(capacity[metric.name]) if metric.name in capacity else "",
            "" if metric_title(metric.name) != metric.name else metric.unit,
            f"{metric.fidelity}{', estimate' if metric.estimate else ''}",
        ]
        for metric in measurement.metrics
    ]
    return table_text(["metric", "value", "of", "unit", "fidelity"], rows)


def _placement_lines(placements: Sequence[Placement]) -> list[str]:
    """Lay out all runs of place and route, and the critical path of the last one."""
    rows = [
        [
            str(position),
            str(placement.seed),
            f"{placement.domains[0].clock_mhz:.3f}" if placement.domains else "",
            f"{placement.clock_hz / 1e6:.3f}",
            f"{placement.fmax_mhz:.3f}",
            "yes" if placement.is_met else "no",
        ]
        for position, placement in enumerate(placements, start=1)
    ]
    lines = [table_text(["route", "seed", "asked MHz", "clock MHz", "Fmax MHz", "met"], rows)]
    path = placements[-1].critical_path
    if path:
        total_ns = sum(step.delay_ns for step in path)
        steps = [[f"{step.delay_ns:5.2f}", step.kind, _step_text(step)] for step in path]
        lines += [
            "",
            f"critical path of the last route, {total_ns:.2f} ns:",
            table_text(["   ns", "step", "from -> to"], steps, left=3),
        ]
    return lines


def _step_text(step: PathStep) -> str:
    return step.source if step.source == step.sink else f"{step.source} -> {step.sink}"


def _layer_lines(
    measurement: Measurement, design: Mapping[str, Value], target: Target
) -> list[str]:
    """Lay out the layers, and say below what their share of the roofline is a share of."""
    rows = [
        [
            layer.name,
            "x".join(map(str, layer.output_shape)),
            f"{layer.macs:,}",
            f"{layer.cycles:,}",
            latency_text(figure.time_us),
            _or_dash(figure.macs_per_us, ".2f"),
            _or_dash(figure.macs_per_cycle, ".3f"),
            _or_dash(figure.roofline_share, ".1%"),
            f"{layer.bytes_in:,}",
            f"{layer.bytes_out:,}",
            f"{layer.bytes_scratch:,}",
        ]
        for layer, figure in zip(
            measurement.layers, layer_figures(measurement, design, target), strict=True
        )
    ]
    header = ["layer", "output", "MAC", "cycles", "time", "MAC/us", "MAC/cycle", "roofline"]
    header += ["in B", "out B", "scratch B"]
    roofline = roofline_of(measurement, design, target)
    return [table_text(header, rows, left=2), roofline_text(roofline)]


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _origin(result: TrialResult) -> str:
    assert result.reused_from is not None
    study, number = result.reused_from
    return f"trial {number} of study {study}"
