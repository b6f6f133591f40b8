"""The parts of a study's page: each a function from columns to what its template shows.

The same parts make up the whole page and are fetched alone when something changed.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import numpy as np

from contracts.faults import ConfigError, Unreadable
from dse.dashboard.data.axes import axis_parameters
from dse.dashboard.data.payload import limits, mark, objectives_data
from dse.dashboard.data.selection import SHOWN, Selection, bound_text, metric_names
from dse.dashboard.drawing.course import course_chart
from dse.dashboard.drawing.effects import effect_chart, effect_drawings
from dse.dashboard.drawing.growth import growth_chart
from dse.dashboard.drawing.interactions import interaction_chart
from dse.dashboard.drawing.timeline import timeline_chart
from dse.dashboard.web.context import Context
from dse.output.drawing.calibration import calibration_chart
from dse.output.drawing.charts import Bar, bar_chart
from dse.output.fronts_report import fronts_drawing, fronts_rows
from dse.output.oracle_report import oracle_text, stored_oracle
from dse.output.report import cells_text
from dse.results.calibration import calibrations
from dse.results.choosing import ranked
from dse.results.columns import ABSENT, FIDELITIES, StudyColumns
from dse.results.course import course_of, improvements
from dse.results.effects import LEAST_TRIALS, Effects, effects
from dse.results.front import Standing, goals_of, why_none_counts
from dse.results.fronts_by import fronts_by
from dse.results.growth import growth_rows
from dse.results.interactions import interaction
from dse.results.morning import began_s
from dse.results.placing import placing_adds
from dse.results.progress import fault_counts, progress
from dse.results.timeline import MOST_ATTEMPTS, Timeline, timeline_of
from dse.store import TimedAttempt, TrialState
from dse.words import (
    design_text,
    estimate_text,
    metric_text,
    plural,
    unit_text,
    value_text,
    varying,
    whole_number,
)
from runners.fpga import PARTS as PARTS_OF_FPGAS

PAGE_SIZE = 50
_STEPS_SHOWN = 200
"""A growth of more steps is sampled in its table; the download has them all."""

_WAITING_SHOWN = 20
"""Waiting trials that are listed: those that run next."""

_PAIRS_SHOWN = 50
"""Newest predictions in the table; the download has them all."""

Query = Mapping[str, str]


def study_context(columns: StudyColumns, selection: Selection) -> dict[str, Any]:
    """Return the variables that the templates of all parts, and of the page, have."""
    config = columns.config
    oracle = stored_oracle(columns.oracle_json)
    return {
        "study": config.name,
        "oracle": None if oracle is None else oracle_text(oracle),
        "config": config,
        "columns": columns,
        "selection": selection,
        "query": selection.query(),
        "mark": mark(columns),
        "metric_names": metric_names(columns),
        "axis_parameters": axis_parameters(columns),
        "shown_metrics": [n for n in config.shown_metrics(columns.metrics) if n in columns.metrics],
        "objectives": objectives_data(columns),
        "units": {name: metric.unit for name, metric in columns.metrics.items()},
    }


def progress_part(
    columns: StudyColumns, _selection: Selection, context: Context, _query: Query
) -> dict[str, Any]:
    """Return what ``progress.html`` shows: trials by state, those that run, the time left."""
    now_s = context.now_s()
    running = context.studies.running(columns.id, now_s=now_s)
    waiting = np.flatnonzero(columns.is_state(TrialState.WAITING))
    return {
        "progress": progress(columns, running, now_s=now_s),
        "is_worked_on": context.studies.is_worked_on(columns.config.name, now_s=now_s),
        "command": context.command("resume", columns.config.name),
        "failed": context.studies.reader().count_failed(columns.id),
        "waiting": [columns.trials[p] for p in waiting[:_WAITING_SHOWN].tolist()],
        "on_front": len(columns.standing.front),
        "stand_ins": list(columns.stand_ins()),
        "states": list(TrialState),
        "now_s": now_s,
        "designs": {
            columns.trials[position].number: design_text(columns.trials[position].design)
            for position in np.flatnonzero(
                columns.is_state(TrialState.RUNNING, TrialState.WAITING)
            ).tolist()
        },
    }


def remark_part(
    columns: StudyColumns, _selection: Selection, _context: Context, _query: Query
) -> dict[str, Any]:
    """Return what ``remark.html`` shows: what people wrote beside the study."""
    return {"remark": columns.remark, "archived_s": columns.archived_s}


def front_part(
    columns: StudyColumns, selection: Selection, _context: Context, _query: Query
) -> dict[str, Any]:
    """Return what ``front.html`` shows: the chosen trials on the front, and the filters."""
    shown = columns.config.shown_metrics(columns.metrics)
    chosen, standing = selection.mask(columns), selection.standing(columns)
    positions = [p for p in standing.front.tolist() if chosen[p]]
    ranking = ranked(columns, positions, weights=selection.weights) if positions else None
    scores = dict(zip(positions, ranking.scores, strict=True)) if ranking else {}
    knee = positions[ranking.knee] if ranking else None
    if selection.weights:
        positions.sort(key=scores.__getitem__)
    designs = [columns.trials[position].design for position in positions]
    names = varying(designs)
    common = {n: v for n, v in designs[0].items() if n not in names} if designs else {}
    return {
        "rows": [
            trial_row(columns, position, standing)
            | {"score": scores[position], "is_knee": position == knee}
            for position in positions
        ],
        "estimates": any(
            columns.metrics[name].estimate[positions].any()
            for name in columns.config.objectives
            if name in columns.metrics
        ),
        "names": names,
        "why_none": why_none_counts(columns),
        "placing": [
            *cells_text(columns.config.objectives, columns.cell_models),
            *(adds.text for adds in placing_adds(columns, columns.numbers[positions].tolist()))
        ],
        "common": design_text(common),
        "chosen": int(chosen.sum()),
        "tags": sorted({*columns.tags, *([selection.tag] if selection.tag else [])}),
        "has_tags": any(columns.remark_of(position).tags for position in positions),
        "limits": {name: v for name, v in limits(columns).items() if name in shown},
        "shown": tuple(SHOWN),
        "choices": {
            name: [value_text(v) for v in columns.parameters[name].values]
            + (["-"] if (columns.parameters[name].codes == ABSENT).any() else [])
            for name in columns.varying
        },
        "box": {
            name: (bound_text(name, low), bound_text(name, high))
            for name, (low, high) in selection.box.items()
        },
        "words": selection.in_words(),
        "excluded": int((standing.verdicts[chosen] == "x").sum()),
        "parts": tuple(PARTS_OF_FPGAS),
        "pairs": [
            (a, b)
            for n, a in enumerate(columns.config.objectives)
            for b in columns.config.objectives[n + 1 :]
        ],
    }  # fmt: skip


def fronts_part(
    columns: StudyColumns, selection: Selection, context: Context, query: Query
) -> dict[str, Any]:
    """Return what ``fronts.html`` shows: one front for each value of a parameter, side by side.

    Other studies of the same objectives may stand beside this one, whose filters are not theirs.

    Raises:
        ConfigError: The address asks for a parameter that there is not, or for another study that
            cannot stand beside this one.
    """
    names = [name for name in columns.varying if name in columns.parameters]
    names.sort(key=lambda name: (name != "cfu", name))
    beside = [name for name in query.get("with", "").split("|") if name]
    others = [context.studies.columns(name) for name in beside if name != columns.config.name]
    by = query.get("by") or (names[0] if names else "study")
    if by not in ("study", *columns.parameters):
        raise ConfigError(
            f"the address asks for fronts by {by[:80]!r}",
            fix=f"use one of: {', '.join((*names, 'study'))}",
        )
    kept = [selection.standing(columns).kept, *(other.standing.kept for other in others)]
    counts = any(each.any() for each in kept)
    fronts = fronts_by([columns, *others], by, kept=kept) if counts else None
    return {
        "by": by,
        "names": (*names, "study"),
        "beside": beside,
        "mates": _mates(columns, context),
        "fronts": fronts,
        "rows": [] if fronts is None else fronts_rows(fronts),
        "drawing": None if fronts is None else fronts_drawing(fronts, with_table=False),
    }


def _mates(columns: StudyColumns, context: Context) -> list[str]:
    """Return the names of the other studies that have the same objectives."""
    config = columns.config
    found = []
    for line in context.studies.lines(now_s=context.now_s()):
        other = line.config
        if other is None or other.name == config.name:
            continue
        if (other.minimise, other.maximise) == (config.minimise, config.maximise):
            found.append(other.name)
    return sorted(found)


def trials_part(
    columns: StudyColumns, selection: Selection, _context: Context, query: Query
) -> dict[str, Any]:
    """Return what ``trials.html`` shows: one page of the chosen trials, sorted.

    Raises:
        ConfigError: The address asks for an order by a metric that there is not.
    """
    chosen = np.flatnonzero(selection.mask(columns))
    sort = query.get("sort", "-number")
    name = sort.removeprefix("-")
    if name not in ("number", *columns.metrics):
        raise ConfigError(
            f"the address asks for an order by {name[:80]!r}",
            fix=f"use one of: number, {', '.join(columns.metrics)}",
        )
    keys = columns.numbers[chosen] if name == "number" else columns.column(name)[chosen]
    keys = np.where(np.isnan(keys), np.inf, -keys if sort.startswith("-") else keys)
    chosen = chosen[np.argsort(keys, kind="stable")]
    pages = max(1, -(-len(chosen) // PAGE_SIZE))
    page = min(max(_whole(query.get("page", "1")), 1), pages)
    shown = chosen[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].tolist()
    return {
        "rows": [trial_row(columns, position, selection.standing(columns)) for position in shown],
        "found": len(chosen),
        "page": page,
        "pages": pages,
        "sort": sort,
        "names": columns.varying,
        "has_remarks": bool(columns.remarks),
    }


def effects_part(
    columns: StudyColumns, selection: Selection, context: Context, query: Query
) -> dict[str, Any]:
    """Return what ``effects.html`` shows: how each parameter goes with one metric.

    Raises:
        ConfigError: The address asks for a metric that there is not.
    """
    metric = query.get("effect", metric_names(columns)[0])
    if metric not in metric_names(columns):
        raise ConfigError(
            f"the address asks for effects on {metric[:80]!r}",
            fix=f"use one of: {', '.join(metric_names(columns))}",
        )
    counted = selection.mask(columns) & columns.is_state(TrialState.COMPLETED)
    found = _effects(columns, metric, counted.tobytes())
    unit = columns.metrics[metric].unit if metric in columns.metrics else ""
    title = f"Effect of each parameter on {metric}, {plural(found.trials, 'trial')}"
    return {
        "metric": metric,
        "effects": found.told,
        "untold": found.untold,
        "said": {effect.parameter for effect in found.told},
        "least": LEAST_TRIALS,
        "model": context.studies.importance(columns.config.name).get(metric, {}),
        "counted": found.trials,
        "drawing": effect_chart(found.told, unit=unit, title=title) if found.told else None,
        "small": list(zip(found.told, effect_drawings(found.told), strict=True)),
    }


def growth_part(
    columns: StudyColumns, _selection: Selection, _context: Context, query: Query
) -> dict[str, Any]:
    """Return what ``growth.html`` shows: the hypervolume over trials or time, and its steps.

    Raises:
        ConfigError: The address asks for a growth over something else.
    """
    over = query.get("over", "trials")
    if over not in ("trials", "time"):
        raise ConfigError(
            f"the address asks for growth over {over[:80]!r}", fix="use one of: trials, time"
        )
    found = columns.growth
    title = f"Hypervolume over {over}, as a share of the final one"
    rows = growth_rows(found)
    every = -(-len(rows) // _STEPS_SHOWN)
    return {
        "over": over,
        "growth": found,
        "steps": len(rows),
        "rows": rows[:: every or 1],
        "drawing": None if found is None else growth_chart(found, over=over, title=title),
    }


def course_part(
    columns: StudyColumns, _selection: Selection, _context: Context, query: Query
) -> dict[str, Any]:
    """Return what ``course.html`` shows: an objective over the trials, and the best so far.

    Raises:
        ConfigError: The address asks for what is no objective.
    """
    objectives = columns.config.objectives
    metric = query.get("course", objectives[0])
    if metric not in objectives:
        raise ConfigError(
            f"the address asks for the course of {metric[:80]!r}",
            fix=f"use one of: {', '.join(objectives)}",
        )
    found = course_of(columns, metric)
    title = f"{metric} of each trial, and the best so far"
    unit = "" if found is None else unit_text(metric, columns.metrics[metric].unit)
    return {
        "metric": metric,
        "rows": [] if found is None else improvements(found),
        "drawing": None if found is None else course_chart(found, unit=unit, title=title),
    }


def calibration_part(
    columns: StudyColumns, _selection: Selection, context: Context, _query: Query
) -> dict[str, Any]:
    """Return what ``calibration.html`` shows: what the search predicted, and what came out."""
    found, feasibility = calibrations(columns, context.studies.beliefs(columns.id))
    drawn = [each for each in found if each.pairs]
    title = "Predicted against measured, with intervals of 90 %"
    return {
        "calibrations": drawn,
        "feasibility": feasibility,
        "shown": _PAIRS_SHOWN,
        "drawing": calibration_chart(drawn, title=title) if drawn else None,
    }


def timeline_part(
    columns: StudyColumns, _selection: Selection, context: Context, _query: Query
) -> dict[str, Any]:
    """Return what ``timeline.html`` shows: the last night by worker and stage.

    Times that cannot be read are the fault of one trial, which the rest of the page does not need.
    """
    reader = context.studies.reader()
    study = reader.study(columns.config.name)
    fault: Unreadable | None = None
    attempts: tuple[TimedAttempt, ...] = ()
    try:
        attempts = reader.timed_attempts(study, since_s=began_s(columns), most=MOST_ATTEMPTS)
    except Unreadable as error:
        fault = error
    found = timeline_of(attempts, now_s=context.now_s())
    title = "What each worker ran when, by stage"
    return {
        "timeline": found,
        "fault": fault,
        "attempts": len(attempts),
        "is_cut": len(attempts) == MOST_ATTEMPTS,
        "rows": [] if found is None else _worker_rows(found),
        "stages": [] if found is None else _stage_rows(found),
        "drawing": None if found is None else timeline_chart(found, title=title),
    }


def _worker_rows(timeline: Timeline) -> list[dict[str, Any]]:
    long_s = max(timeline.until_s - timeline.since_s, 1e-9)
    return [
        {
            "worker": lane.worker,
            "attempts": len(lane.attempts),
            "busy_s": lane.busy_s,
            "share": lane.busy_s / long_s,
        }
        for lane in timeline.lanes
    ]


def _stage_rows(timeline: Timeline) -> list[dict[str, Any]]:
    spans = [
        span for lane in timeline.lanes for attempt in lane.attempts for span in attempt.stages
    ]
    return [
        {
            "stage": stage,
            "built": sum(span.stage == stage and not span.is_cached for span in spans),
            "cached": sum(span.stage == stage and span.is_cached for span in spans),
            "took_s": sum(span.end_s - span.start_s for span in spans if span.stage == stage),
        }
        for stage in timeline.stages
    ]


def interactions_part(
    columns: StudyColumns, selection: Selection, _context: Context, query: Query
) -> dict[str, Any]:
    """Return what ``interactions.html`` shows: a metric over two parameters.

    Raises:
        ConfigError: The address asks for a metric or a parameter that there is not.
    """
    names = columns.varying
    metric = query.get("of", metric_names(columns)[0])
    if metric not in metric_names(columns):
        raise ConfigError(
            f"the address asks for the median of {metric[:80]!r}",
            fix=f"use one of: {', '.join(metric_names(columns))}",
        )
    for end in ("across", "down"):
        if query.get(end, "") not in ("", *columns.parameters):
            raise ConfigError(
                f"the address asks for {query[end][:80]!r} {end}",
                fix=f"use one of: {', '.join(names)}",
            )
    counted = selection.mask(columns) & columns.is_state(TrialState.COMPLETED)
    if len(names) < 2:
        return {"found": None, "names": names, "rows": [], "drawing": None, "query": "", "goal": ""}
    told = [e.parameter for e in _effects(columns, metric, counted.tobytes()).told]
    first = [*told, *(name for name in names if name not in told)]
    across = query.get("across") or next(name for name in first if name != query.get("down"))
    down = query.get("down") or next(name for name in first if name != across)
    found = interaction(columns, metric, across=across, down=down, chosen=counted)
    goals = dict(zip(columns.config.objectives, goals_of(columns.config), strict=True))
    goal = goals.get(metric, "")
    title = f"Median of {metric} over {across} and {down}, {plural(found.trials, 'trial')}"
    return {
        "found": found,
        "names": names,
        "goal": goal,
        "query": f"{selection.query()}&{urlencode({'of': metric, 'across': across, 'down': down})}",
        "rows": [
            {
                "across": found.columns[place],
                "down": found.rows[row],
                "trials": cell.trials,
                "smallest": cell.low,
                "median": cell.middle,
                "largest": cell.high,
            }
            for (place, row), cell in found.cells.items()
        ],
        "drawing": interaction_chart(found, goal=goal, title=title) if found.cells else None,
    }


@lru_cache(maxsize=4)
def _effects(columns: StudyColumns, metric: str, counted: bytes) -> Effects:
    """Return the effects on a metric; two parts of a page ask for the same."""
    return effects(columns, metric, np.frombuffer(counted, dtype=np.bool_))


def faults_part(
    columns: StudyColumns, selection: Selection, _context: Context, _query: Query
) -> dict[str, Any]:
    """Return what ``faults.html`` shows: how often each fault ended a chosen trial."""
    counts = fault_counts(columns, selection.mask(columns))
    bars = [
        Bar(
            name=count.kind,
            value=count.trials,
            text=f"{count.trials} {'infeasible' if count.infeasible else 'not completed'}",
            hint=count.what,
            kind="c-bad" if count.infeasible else "c-other",
        )
        for count in counts
    ]
    return {
        "faults": counts,
        "drawing": bar_chart(bars, title="Trials by fault") if bars else None,
    }


PARTS: dict[str, Callable[[StudyColumns, Selection, Context, Query], dict[str, Any]]] = {
    "remark": remark_part,
    "progress": progress_part,
    "front": front_part,
    "fronts": fronts_part,
    "effects": effects_part,
    "growth": growth_part,
    "course": course_part,
    "interactions": interactions_part,
    "calibration": calibration_part,
    "timeline": timeline_part,
    "faults": faults_part,
    "trials": trials_part,
}


def trial_row(
    columns: StudyColumns, position: int, standing: Standing | None = None
) -> dict[str, Any]:
    """Return one row of a table of trials.

    Args:
        columns: Of the study.
        position: Of the trial.
        standing: To the front of a selection; None for that of the study.
    """
    standing = columns.standing if standing is None else standing
    trial, fault = columns.trials[position], columns.fault(position)
    return {
        "number": trial.number,
        "verdict": str(standing.verdicts[position]),
        "state": trial.state,
        "metrics": {
            name: {
                "value": float(metric.values[position]),
                "text": value_of_metric(
                    name,
                    float(metric.values[position]),
                    is_estimate=bool(metric.estimate[position]),
                ),
                "fidelity": FIDELITIES[metric.fidelity[position]].value,
                "estimate": bool(metric.estimate[position]),
            }
            for name, metric in columns.metrics.items()
            if np.isfinite(metric.values[position])
        },
        "design": trial.design,
        "fidelity": _reached(columns, position),
        "kind": fault[0] if fault and trial.state is not TrialState.COMPLETED else None,
        "what": fault[1] if fault else None,
        "fault": fault[0] if fault else None,
        "suggested_by": trial.suggested_by,
        "reused": trial.reused_from is not None,
        "tags": columns.remark_of(position).tags,
        "note": columns.remark_of(position).note,
    }


def value_of_metric(metric: str, value: float, *, is_estimate: bool) -> str:
    """Write the value of a metric as all pages do; what is only expected has three digits."""
    return estimate_text(metric, value) if is_estimate else metric_text(metric, value)


def _reached(columns: StudyColumns, position: int) -> str:
    """Return the highest fidelity among a trial's metrics, or the one it is to reach."""
    reached = max((int(m.fidelity[position]) for m in columns.metrics.values()), default=ABSENT)
    return FIDELITIES[reached] if reached >= 0 else columns.trials[position].fidelity


def _whole(text: str) -> int:
    number = whole_number(text)
    return 1 if number is None else number
