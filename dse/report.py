"""Results as text: plain tables that fit a pipe, and the same values as JSON-ready data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from contracts.measurement import Fidelity, LayerProfile, Measurement
from dse.store import StudySummary, TrialDetail, TrialResult, TrialState
from dse.words import design_text, duration_text, number_text, value_text, varying

if TYPE_CHECKING:  # pydantic takes a while to import
    from dse.config import StudyConfig
    from dse.front import Front
    from dse.space.describe import SpaceSummary


def table_text(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Lay out a table: the first ``left`` columns to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


# --- list and status


def list_data(summaries: Sequence[StudySummary]) -> list[dict[str, Any]]:
    """Return the studies of a database."""
    return [
        {
            "study": summary.study.name,
            "created": time_text(summary.study.created_s),
            **{state.value: count for state, count in summary.counts.items()},
        }
        for summary in summaries
    ]


def list_text(summaries: Sequence[StudySummary]) -> str:
    """Lay out the studies of a database."""
    if not summaries:
        return "no studies yet; start one: python -m dse.study start"
    rows = [[str(value) for value in row.values()] for row in list_data(summaries)]
    return table_text(["study", "created (UTC)", *TrialState], rows, left=2)


def status_data(
    summary: StudySummary, config: "StudyConfig", results: Sequence[TrialResult]
) -> dict[str, Any]:
    """Return where a study stands."""
    return {
        "study": config.name,
        "created": time_text(summary.study.created_s),
        "trials": config.trials,
        "counts": {state.value: count for state, count in summary.counts.items()},
        "reused": sum(result.reused_from is not None for result in results),
        "target": config.target.name,
        "model": str(config.workload.model),
        "algorithm": config.suggest.algorithm,
        "objectives": list(config.objectives),
        "faults": [
            {
                "trial": result.trial.number,
                "state": result.trial.state.value,
                "kind": result.kind.value,
                "what": result.what,
            }
            for result in results
            if result.kind is not None and result.trial.state is not TrialState.COMPLETED
        ],
    }


def status_text(data: Mapping[str, Any]) -> str:
    """Lay out where a study stands."""
    counts = data["counts"]
    done = sum(counts[state] for state in ("completed", "infeasible", "failed"))
    parts = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = [
        f"study      {data['study']}, created {data['created']} UTC",
        f"trials     {done} of {data['trials']} done: {parts or 'none yet'}",
        f"reused     {data['reused']}",
        f"search     {data['algorithm']}, objectives {', '.join(data['objectives'])}",
        f"target     {data['target']}",
        f"model      {data['model']}",
    ]
    if data["faults"]:
        lines.append("")
        rows = [
            [str(fault["trial"]), fault["state"], fault["kind"], fault["what"] or ""]
            for fault in data["faults"]
        ]
        lines.append(table_text(["trial", "state", "fault", "what"], rows, left=4))
    return "\n".join(lines)


# --- front


def front_data(front: "Front", config: "StudyConfig") -> dict[str, Any]:
    """Return the front of a study."""
    return {
        "study": config.name,
        "objectives": [
            {"metric": metric, "goal": goal}
            for metric, goal in zip(front.objectives, front.goals, strict=True)
        ],
        "front": [
            {
                "trial": result.trial.number,
                "design": result.trial.design,
                "metrics": result.metrics,
                "reused_from": reuse_data(result),
            }
            for result in front.points
        ],
        "dominated": [result.trial.number for result in front.dominated],
        "excluded": [result.trial.number for result in front.excluded],
    }


def front_text(front: "Front", config: "StudyConfig") -> str:
    """Lay out the front of a study: what is common to all designs stands below the table."""
    excluded = [str(result.trial.number) for result in front.excluded]
    left_out = f"left out, they break a constraint of the study: trials {', '.join(excluded)}"
    if not front.points:
        nothing = "no trial has completed within the constraints yet"
        return f"{nothing}\n{left_out}" if excluded else nothing
    designs = [result.trial.design for result in front.points]
    names = varying(designs)
    others = sorted(
        {name for result in front.points for name in result.metrics} - set(front.objectives)
    )
    metrics = [*front.objectives, *others]
    rows = [
        [
            str(result.trial.number),
            *(number_text(result.metrics[name]) if name in result.metrics else "-"
              for name in metrics),
            *(value_text(result.trial.design[name]) if name in result.trial.design else "-"
              for name in names),
        ]
        for result in front.points
    ]  # fmt: skip
    lines = [table_text(["trial", *metrics, *names], rows, left=0)]
    common = {name: value for name, value in designs[0].items() if name not in names}
    if common:
        lines.append(f"\nin all of them: {design_text(common)}")
    if "latency_us" in metrics and config.fidelity in (Fidelity.SIMULATED, Fidelity.SYNTHESISED):
        lines.append(f"latency_us is an estimate at {config.target.clock_mhz:g} MHz (not placed)")
    if excluded:
        lines.append(left_out)
    return "\n".join(lines)


# --- show


def show_data(detail: TrialDetail) -> dict[str, Any]:
    """Return everything about one trial."""
    result, trial = detail.result, detail.result.trial
    return {
        "trial": trial.number,
        "state": trial.state.value,
        "design_id": trial.design_id,
        "design": trial.design,
        "suggested_by": trial.suggested_by,
        "reused_from": reuse_data(result),
        "metrics": [asdict(metric) for metric in detail.measurement.metrics],
        "layers": [asdict(layer) for layer in detail.measurement.layers],
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


def show_text(detail: TrialDetail, *, clock_mhz: float) -> str:
    """Lay out everything about one trial."""
    result, trial = detail.result, detail.result.trial
    lines = [f"trial {trial.number}: {trial.state}, suggested by {trial.suggested_by}"]
    if result.reused_from is not None:
        lines.append("reused: measured as " + _origin(result))
    lines += ["", *(f"  {name} = {value_text(value)}" for name, value in trial.design.items())]
    measurement = detail.measurement
    if measurement.metrics:
        lines += ["", _metrics_text(measurement)]
    if measurement.layers:
        lines += ["", _layers_text(measurement.layers, clock_mhz=clock_mhz)]
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


def _metrics_text(measurement: Measurement) -> str:
    rows = [
        [
            metric.name,
            number_text(metric.value),
            metric.unit,
            f"{metric.fidelity}{', estimate' if metric.estimate else ''}",
        ]
        for metric in measurement.metrics
    ]
    return table_text(["metric", "value", "unit", "fidelity"], rows)


def _layers_text(layers: Sequence[LayerProfile], *, clock_mhz: float) -> str:
    rows = []
    for layer in layers:
        time_us = layer.cycles / clock_mhz
        rows.append(
            [
                layer.name,
                "x".join(map(str, layer.output_shape)),
                f"{layer.macs:,}",
                f"{layer.cycles:,}",
                f"{time_us:,.0f}",
                f"{layer.macs / time_us:.2f}" if time_us else "-",
                f"{layer.bytes_in:,}",
                f"{layer.bytes_out:,}",
                f"{layer.bytes_scratch:,}",
            ]
        )
    header = ["layer", "output", "MAC", "cycles", "us", "MAC/us", "in B", "out B", "scratch B"]
    return table_text(header, rows, left=2)


# --- space


def space_text(summary: "SpaceSummary") -> str:
    """Lay out the parameters, conditions and size of a space."""
    rows = [
        [p.name, " ".join(map(value_text, p.values)), value_text(p.default), p.when]
        for p in summary.parameters
    ]
    lines = [table_text(["parameter", "values", "default", "only when"], rows, left=4), ""]
    lines += [f"rule {rule.name}: {rule.reason}" for rule in summary.rules]
    lines.append(f"{summary.designs:,} distinct designs")
    return "\n".join(lines)


# --- shared


def reuse_data(result: TrialResult) -> dict[str, Any] | None:
    """Return where a trial's result came from, or None when it was measured."""
    if result.reused_from is None:
        return None
    study, number = result.reused_from
    return {"study": study, "trial": number}


def _origin(result: TrialResult) -> str:
    assert result.reused_from is not None
    study, number = result.reused_from
    return f"trial {number} of study {study}"


def time_text(seconds: float) -> str:
    """Write a time in UTC to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
