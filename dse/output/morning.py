"""``report``: what a night brought, as a document and as JSON values."""

import shlex
from collections.abc import Sequence
from typing import Any

from dse import program
from dse.output.disks import Disk
from dse.output.document import Document, Item, Section, Table
from dse.output.report import time_text
from dse.results.morning import Morning
from dse.store import TrialState
from dse.words import bytes_text, duration_text, metric_text, plural, unit_text, value_text, varying

_MOST_ROWS = 20
"""Of the front; the others are counted."""


def morning_data(morning: Morning, disks: Sequence[Disk], *, with_db: str) -> dict[str, Any]:
    """Return a report as JSON values."""
    columns, progress = morning.columns, morning.progress
    return {
        "study": columns.config.name,
        "model": columns.config.network_name,
        "target": columns.config.target.name,
        "since": time_text(morning.since_s),
        "until": time_text(morning.until_s),
        "is_running": bool(progress.running),
        "done": progress.done,
        "expected": progress.expected,
        "counts": {state.value: count for state, count in progress.counts.items()},
        "ended": {state.value: count for state, count in morning.ended.items()},
        "improvements": [
            {
                "metric": each.metric,
                "unit": each.unit,
                "goal": each.goal,
                "before": each.before,
                "after": each.after,
                "trial": each.trial,
                "estimate": each.is_estimate,
                "is_better": each.is_better,
            }
            for each in morning.improvements
        ],
        "hypervolume_before": morning.volume_before,
        "front": [
            {
                "trial": point.result.trial.number,
                "is_new": point.is_new,
                "metrics": {name: point.result.metrics[name] for name in columns.config.objectives},
                "estimates": sorted(point.result.estimates),
                "design": point.result.trial.design,
            }
            for point in morning.front
        ],
        "failures": [
            {
                "kind": each.count.kind,
                "trials": each.count.trials,
                "infeasible": each.count.infeasible,
                "example": each.count.example,
                "what": each.count.what,
                "fix": each.fix,
            }
            for each in morning.failures
        ],
        "retried": {kind.value: count for kind, count in morning.retried.items()},
        "stand_ins": list(columns.stand_ins()),
        "disks": [
            {"what": d.what, "folder": d.folder, "free_bytes": d.free_bytes, "is_low": d.is_low}
            for d in disks
        ],
        "to_do": [
            {"what": item.text, "command": item.command} for item in _to_do(morning, disks, with_db)
        ],
    }


def morning_document(
    morning: Morning, disks: Sequence[Disk], *, with_db: str, picture: str = ""
) -> Document:
    """Return a report as a document.

    Args:
        morning: What it says.
        disks: Where files are written.
        with_db: What commands say about the database, `` --db night.db`` or nothing.
        picture: The front as an SVG element, or nothing.
    """
    columns = morning.columns
    return Document(
        title=f"Study {columns.config.name}",
        sections=[
            _standing(morning),
            Section(heading="What to do", items=_to_do(morning, disks, with_db)),
            _improved(morning),
            _front(morning, picture),
            _failed(morning),
        ],
    )


def _standing(morning: Morning) -> Section:
    columns, progress = morning.columns, morning.progress
    config = columns.config
    took = duration_text(max(morning.until_s - morning.since_s, 0.0))
    ended = ", ".join(f"{count} {state}" for state, count in morning.ended.items() if count)
    lines = [
        f"{config.network_name} on {config.target.name},"
        f" {config.suggest.algorithm}, objectives {', '.join(config.objectives)}",
        f"{time_text(morning.since_s)} to {time_text(morning.until_s)} UTC, {took}:"
        f" {plural(sum(morning.ended.values()), 'trial')} ended" + (f", {ended}" if ended else ""),
        f"In the whole study {progress.done} of {plural(progress.expected, 'trial')} have ended.",
    ]
    if progress.running:
        left = "" if progress.eta_s is None else f", about {duration_text(progress.eta_s)} left"
        lines.append(f"{plural(len(progress.running), 'trial')} running now{left}.")
    return Section(heading="Where it stands", lines=lines)


def _improved(morning: Morning) -> Section:
    if not morning.improvements:
        return Section(
            heading="What improved",
            lines=["No trial has completed within the constraints yet."],
        )
    new = sum(point.is_new for point in morning.front)
    lines = [f"{new} of {plural(len(morning.front), 'design')} on the front came in this time."]
    if morning.volume_before:
        lines.append(f"The hypervolume grew from {morning.volume_before:.1%} of what it is now.")
    rows = [
        [
            each.metric,
            each.goal,
            "-" if each.before is None else metric_text(each.metric, each.before),
            f"{'~' if each.is_estimate else ''}{metric_text(each.metric, each.after)}"
            f" {unit_text(each.metric, each.unit)}".rstrip(),
            _change(each.before, each.after),
            str(each.trial),
        ]
        for each in morning.improvements
    ]
    header = ["objective", "goal", "before", "now", "change", "trial"]
    return Section(heading="What improved", lines=lines, table=Table(header=header, rows=rows))


def _change(before: float | None, after: float) -> str:
    if before is None:
        return "first"
    if before == after:
        return "none"
    return f"{100 * (after - before) / abs(before):+.1f} %" if before else "from 0"


def _front(morning: Morning, picture: str) -> Section:
    if not morning.front:
        return Section(heading="The front", lines=["It is empty."])
    objectives = morning.columns.config.objectives
    shown = morning.front[:_MOST_ROWS]
    designs = [point.result.trial.design for point in shown]
    names = varying(designs)
    rows = [
        [
            str(point.result.trial.number),
            "new" if point.is_new else "",
            *(
                ("~" if name in point.result.estimates else "")
                + metric_text(name, point.result.metrics[name])
                for name in objectives
            ),
            " ".join(f"{name}={value_text(design[name])}" for name in names if name in design),
        ]
        for point, design in zip(shown, designs, strict=True)
    ]
    left_out = len(morning.front) - len(shown)
    lines = []
    if any(point.result.estimates for point in shown):
        lines.append("~ is an estimate: the design is not placed.")
    if left_out:
        lines.append(f"{plural(left_out, 'further design')} on it: `front` prints all.")
    header = ["trial", "", *objectives, "design, where they differ"]
    return Section(
        heading="The front", lines=lines, table=Table(header=header, rows=rows), picture=picture
    )


def _failed(morning: Morning) -> Section:
    lines = []
    if morning.retried:
        told = ", ".join(f"{kind} {count}" for kind, count in morning.retried.items())
        lines.append(
            "Attempts in this time that failed by infrastructure; each is tried again, up to"
            f" three times: {told}."
        )
    if not morning.failures:
        has_ended = morning.progress.done > 0
        lines.append("Every trial that ended completed." if has_ended else "No trial has ended.")
        return Section(heading="What failed, and why", lines=lines)
    rows = [
        [
            each.count.kind,
            str(each.count.trials),
            "a result" if each.count.infeasible else "for `resume`",
            str(each.count.example),
            each.count.what or "",
            each.fix,
        ]
        for each in morning.failures
    ]
    header = ["fault", "trials", "is", "example", "what", "fix"]
    return Section(
        heading="What failed, and why", lines=lines, table=Table(header=header, rows=rows)
    )


def _to_do(morning: Morning, disks: Sequence[Disk], with_db: str) -> list[Item]:
    """Return what a person may want to do now, the most pressing first."""
    columns, progress = morning.columns, morning.progress
    name = shlex.quote(columns.config.name)

    def command(words: str) -> str:
        return f"{program.name()} {words}{with_db}"

    found = [
        Item(
            text=f"Only {bytes_text(disk.free_bytes)} are free for the {disk.what}, in"
            f" {disk.folder}: make room, or keep fewer artefacts.",
            command=f"{program.name()} cache --prune --limit 5GB",
        )
        for disk in disks
        if disk.is_low
    ]
    failed = progress.counts[TrialState.FAILED]
    if failed:
        example = next((f.count.example for f in morning.failures if not f.count.infeasible), None)
        if example is not None:
            found.append(
                Item(text="Read why trials failed.", command=command(f"show {name} {example}"))
            )
        found.append(
            Item(
                text=f"{plural(failed, 'trial')} failed by infrastructure: mend it, then run them"
                " again.",
                command=command(f"resume {name}"),
            )
        )
    left = progress.expected - progress.done
    if not failed and left > 0 and not progress.running:
        stopped = "It was stopped as asked" if progress.is_stopped else "Nobody works on it"
        found.append(
            Item(
                text=f"{stopped}, and {plural(left, 'trial')} are left: go on.",
                command=command(f"resume {name}"),
            )
        )
    if progress.running:
        found.append(Item(text="It runs: look on.", command=command(f"watch {name}")))
    stand_ins = len(columns.stand_ins())
    if stand_ins:
        found.append(
            Item(
                text=f"The search failed: {plural(stand_ins, 'design')} drawn at random instead."
                " Raise suggest.timeout_s, or see in the log why it ended."
            )
        )
    infeasible = progress.counts[TrialState.INFEASIBLE]
    if progress.done >= 10 and infeasible > progress.done / 2:
        commonest = next((f.count for f in morning.failures if f.count.infeasible), None)
        if commonest is not None:
            found.append(
                Item(
                    text=f"{infeasible} of {progress.done} designs are infeasible, most often"
                    f" {commonest.kind}: restrict [space], or raise what limits them."
                )
            )
    if morning.front:
        best = morning.front[0].result.trial.number
        found.append(
            Item(text="Look at the fastest design.", command=command(f"show {name} {best}"))
            if columns.config.objectives[0] == "latency_us"
            else Item(
                text=f"Look at the best design in {columns.config.objectives[0]}.",
                command=command(f"show {name} {best}"),
            )
        )
    if left <= 0 and not failed and not progress.running:
        more = columns.config.trials * 2
        found.append(
            Item(
                text="All trials have ended: search longer, if the front is not good enough.",
                command=command(f"resume {name} --trials {more}"),
            )
        )
    return found


def front_svg(morning: Morning) -> str:
    """Return the front as an SVG element, for a file; nothing where it is empty."""
    from dse.output.plot import front_drawing
    from dse.results.front import pareto_front

    found = pareto_front(morning.columns)
    if not found.points:
        return ""
    return str(front_drawing(found, morning.columns.config).markup(standalone=True))
