"""One front for each value of a parameter, of one study or several: CPU against CFU families."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse import program
from dse.pareto import Goal, Point, Points, front, hypervolume, reference_point
from dse.results.columns import Mask, StudyColumns
from dse.results.front import goals_of
from dse.words import value_text

ALONE = "none"
"""Value of ``cfu`` of a CPU without a custom function unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A trial on the front of its group.

    Attributes:
        study: Name of its study.
        number: Of the trial.
        values: Its objectives.
        is_estimate: One of them is.
        is_joint: No trial of any group is better in all objectives.
    """

    study: str
    number: int
    values: tuple[float, ...]
    is_estimate: bool
    is_joint: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFront:
    """The front of one group.

    Attributes:
        name: Value of the parameter, with the study before it where there are several.
        trials: How many of its trials count.
        points: Those on its front, best in the first objective first.
        best: Of each objective.
        adds: The share of the volume that all groups dominate which is this group's alone.
    """

    name: str
    trials: int
    points: tuple[FrontPoint, ...]
    best: tuple[float, ...]
    adds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontsBy:
    """Fronts side by side.

    Attributes:
        by: The parameter.
        studies: Names of the studies.
        objectives: Metrics, the same in all studies.
        goals: Their directions.
        groups: Study by study, the CPU alone first, then in the order of the parameter's values.
    """

    by: str
    studies: tuple[str, ...]
    objectives: tuple[str, ...]
    goals: tuple[Goal, ...]
    groups: tuple[GroupFront, ...]


def fronts_by(
    studies: Sequence[StudyColumns], by: str, *, kept: Sequence[Mask] | None = None
) -> FrontsBy:
    """Return the front of each group of trials.

    Args:
        studies: With designs and objectives; at least one.
        by: A parameter, or ``study`` for one group a study.
        kept: Where trials of each study count; None for all that count in their study.

    Raises:
        ConfigError: The studies have other objectives, no design has the parameter, or no trial
            counts.
    """
    objectives, goals = studies[0].config.objectives, goals_of(studies[0].config)
    for columns in studies[1:]:
        if (columns.config.objectives, goals_of(columns.config)) != (objectives, goals):
            raise ConfigError(
                f"study {columns.config.name} has the objectives"
                f" {', '.join(columns.config.objectives)}, study {studies[0].config.name} has"
                f" {', '.join(objectives)}",
                fix="draw studies of the same objectives",
            )
    counting = [columns.standing.kept for columns in studies] if kept is None else kept
    found = [
        group
        for columns, counts in zip(studies, counting, strict=True)
        for group in _groups(columns, by, counts, with_study=len(studies) > 1)
    ]
    found = [group for group in found if len(group.positions)]
    if not found:
        raise ConfigError(
            f"no trial of {', '.join(columns.config.name for columns in studies)} counts",
            fix=f"run the study first: {program.name()} resume " + studies[0].config.name,
        )
    return _joined(found, studies, by, objectives, goals)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    name: str
    columns: StudyColumns
    positions: tuple[int, ...]
    points: Points


def _groups(columns: StudyColumns, by: str, counts: Mask, *, with_study: bool) -> list[_Group]:
    kept = np.flatnonzero(counts)
    values = np.column_stack([columns.column(name) for name in columns.config.objectives])
    study = columns.config.name

    def group(name: str, positions: Sequence[int]) -> _Group:
        return _Group(
            name=name, columns=columns, positions=tuple(positions), points=values[positions]
        )

    if by == "study":
        return [group(study, kept.tolist())]
    if by not in columns.parameters:
        raise ConfigError(
            f"no design of study {study} has a parameter {by!r}",
            fix=f"use one of {', '.join(sorted(columns.parameters))}, or study",
        )
    parameter = columns.parameters[by]
    groups = []
    # the first one is what the others are compared with
    known = sorted(enumerate(parameter.values), key=lambda each: not _is_alone(by, each[1]))
    for code, value in [*known, (-1, "-")]:
        positions = [at for at in kept.tolist() if parameter.codes[at] == code]
        text = _group_name(by, value)
        groups.append(group(f"{study}: {text}" if with_study else text, positions))
    return groups


def _group_name(by: str, value: Value) -> str:
    return "CPU alone" if _is_alone(by, value) else value_text(value)


def _is_alone(by: str, value: Value) -> bool:
    return (by, value) == ("cfu", ALONE)


def _joined(
    groups: Sequence[_Group],
    studies: Sequence[StudyColumns],
    by: str,
    objectives: tuple[str, ...],
    goals: tuple[Goal, ...],
) -> FrontsBy:
    own = [front(group.points, goals) for group in groups]
    # what is behind its own front is behind them all, and spans no volume
    bests: list[list[Point]] = [
        group.points[list(at)].tolist() for group, at in zip(groups, own, strict=True)
    ]
    every = [point for best in bests for point in best]
    joint = {tuple(every[at]) for at in front(every, goals)}
    bound = reference_point([p for group in groups for p in group.points.tolist()], goals)
    whole = hypervolume(every, bound, goals)
    made = []
    for number, group in enumerate(groups):
        others = [point for n, best in enumerate(bests) if n != number for point in best]
        without = hypervolume(others, bound, goals) if others else 0.0
        points = []
        for at in own[number]:
            position = group.positions[at]
            values = tuple(group.points[at].tolist())
            _, estimates = group.columns.measured(position)
            points.append(
                FrontPoint(
                    study=group.columns.config.name,
                    number=int(group.columns.numbers[position]),
                    values=values,
                    is_estimate=not estimates.isdisjoint(objectives),
                    is_joint=values in joint,
                )
            )
        best = tuple(
            float(column.min() if goal == "minimise" else column.max())
            for column, goal in zip(group.points.T, goals, strict=True)
        )
        made.append(
            GroupFront(
                name=group.name,
                trials=len(group.positions),
                points=tuple(points),
                best=best,
                adds=(whole - without) / whole if whole else 0.0,
            )
        )
    return FrontsBy(
        by=by,
        studies=tuple(columns.config.name for columns in studies),
        objectives=objectives,
        goals=goals,
        groups=tuple(made),
    )
