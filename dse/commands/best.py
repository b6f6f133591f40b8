"""Which design is the best within limits, and what the front within limits is, in an order."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse.config import Bounds
from dse.output.front_columns import cfu_words
from dse.output.report import wrapped
from dse.results.choosing import Limit, keepers_of, tagged
from dse.results.columns import StudyColumns
from dse.results.front import Front, pareto_front
from dse.store import TrialResult
from dse.words import design_text, metric_text, metric_title, study_command, suggestion
from runners.measuring.metrics import metrics_with


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best design of a study within limits.

    Attributes:
        study: Name.
        trial: Its number.
        by: The metric that it is the best in.
        metrics: All that it measured.
        estimates: Which of them are estimates.
        design: Its parameters.
        counted: How many trials count without the limits.
        kept: How many of them keep the limits.
    """

    study: str
    trial: int
    by: str
    metrics: dict[str, float]
    estimates: tuple[str, ...]
    design: dict[str, Value]
    counted: int
    kept: int


def best_design(
    columns: StudyColumns, limits: Sequence[Limit], *, by: str | None, tags: Sequence[str] = ()
) -> Best:
    """Return the best design that counts and keeps the limits.

    Of equal ones it is the one that is better in the study's objectives, then the earlier trial.

    Args:
        columns: Of the study, with all metrics, whole trials.
        limits: To keep, beside the study's own constraints.
        by: The metric that decides; None for the first objective.
        tags: That it must have, all of them.

    Raises:
        ConfigError: A metric is unknown, or nothing keeps the limits.
    """
    config = columns.config
    metric = by or config.objectives[0]
    _require_metric(columns, metric)
    kept, counted, _ = keepers_of(columns, limits=limits, tags=tags)
    order = (metric, *(name for name in config.objectives if name != metric))
    has = [at for at in kept if math.isfinite(columns.column(metric)[at])]
    if not has:
        raise ConfigError(
            f"none of the {len(kept)} trials that keep the limits has {metric}",
            fix="name another metric with --by",
        )
    best = min(
        has, key=lambda at: (*(_signed(columns, name, at) for name in order), columns.numbers[at])
    )
    metrics, estimates = columns.measured(best)
    return Best(
        study=config.name,
        trial=int(columns.numbers[best]),
        by=metric,
        metrics=metrics,
        estimates=tuple(sorted(estimates)),
        design=dict(columns.trials[best].design),
        counted=len(counted),
        kept=len(kept),
    )


def best_data(best: Best) -> dict[str, Any]:
    """Return the design as plain data."""
    return asdict(best)


def best_text(
    best: Best, columns: StudyColumns, *, db: str | None = None, is_wide: bool = False
) -> str:
    """Lay out the design in 80 columns, what it was chosen from, and how to look at it.

    Args:
        best: The design.
        columns: Of the study.
        db: How a command names the database; None where it need not.
        is_wide: Whether to say every metric and parameter, not the objectives and the CFU alone.
    """
    config = columns.config
    shown = config.shown_metrics(sorted(best.metrics)) if is_wide else config.objectives
    figures = [
        f"{metric_title(name)} {'~' if name in best.estimates else ''}"
        f"{metric_text(name, best.metrics[name])}"
        for name in dict.fromkeys((*shown, best.by))
        if name in best.metrics
    ]
    words = design_text(best.design) if is_wide else f"CFU {cfu_words(best.design)}"
    lines = [
        f"trial {best.trial}: the best {best.by} of {best.kept} that keep the limits,"
        f" of {best.counted} that count",
        ", ".join(figures),
        words,
        *([] if is_wide else ["all metrics and parameters: --wide"]),
        *(["~ is an estimate: the design is not placed"] if best.estimates else []),
    ]
    look = study_command("show", best.study, str(best.trial), db=db)
    return "\n".join([*map(wrapped, lines), "", f"look at it: {look}"])


def front_within(
    columns: StudyColumns,
    limits: Sequence[Limit],
    *,
    sort: str | None,
    tags: Sequence[str] = (),
) -> Front:
    """Return the front of the designs that keep limits and have tags.

    It is their own, and not that of all designs cut down.

    Args:
        columns: Of the study, with all metrics, whole trials.
        limits: To keep, beside the study's own constraints.
        sort: Metric or parameter to sort its points by, the better first; None for the first
            objective.
        tags: That they must have, all of them.

    Raises:
        ConfigError: A metric or a tag is unknown, or nothing keeps the limits.
    """
    limited = columns
    if limits or tags:
        keepers_of(columns, limits=limits, tags=tags)  # says what is wrong, or that nothing does
        constraints = dict(columns.config.constraints)
        for limit in limits:
            before = constraints.get(limit.metric, Bounds())
            constraints[limit.metric] = (
                replace(before, max=min(before.max, limit.value))
                if limit.most
                else replace(before, min=max(before.min, limit.value))
            )
        # the constraints judge; another set of them has another standing
        limited = replace(columns, config=replace(columns.config, constraints=constraints))
    front = pareto_front(limited, within=tagged(columns, tags) if tags else None)
    return front if sort is None else replace(front, points=_sorted(front, columns, sort))


def _sorted(front: Front, columns: StudyColumns, by: str) -> tuple[TrialResult, ...]:
    keys: list[tuple[bool, bool, Any]]  # those without come last, texts behind numbers
    if by in columns.parameters:
        values = [point.trial.design.get(by) for point in front.points]
        keys = [(value is None, isinstance(value, str), value) for value in values]
    else:
        _require_metric(columns, by, others=tuple(columns.parameters))
        sign = _sign(columns, by)
        missing = sign * math.inf  # last
        keys = [(False, False, sign * point.metrics.get(by, missing)) for point in front.points]
    order = sorted(range(len(front.points)), key=lambda at: keys[at])
    return tuple(front.points[at] for at in order)


def _require_metric(columns: StudyColumns, name: str, *, others: Sequence[str] = ()) -> None:
    if name not in columns.metrics:
        raise ConfigError(
            f"no trial of study {columns.config.name} has the metric {name}",
            fix=suggestion(name, [*sorted(columns.metrics), *others], intro="use one of"),
        )


def _sign(columns: StudyColumns, metric: str) -> float:
    """Return 1 where less of a metric is better, -1 where more is."""
    config = columns.config
    if metric in config.objectives:
        return -1.0 if metric in config.maximise else 1.0
    definitions = metrics_with([])
    return -1.0 if metric in definitions and definitions[metric].better == "higher" else 1.0


def _signed(columns: StudyColumns, metric: str, at: int) -> float:
    return _sign(columns, metric) * float(columns.column(metric)[at])
