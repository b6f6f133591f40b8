"""Helps to pick one design of a large front: limits, then weights, and where its knee is."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.faults import ConfigError
from contracts.metric import MetricDefinition
from dse.pareto import front
from dse.results.columns import Mask, StudyColumns
from dse.results.front import goals_of, why_none_counts
from dse.words import number_text, quantity, study_command, suggestion
from runners.fpga import capacity_of
from runners.measuring.metrics import METRICS

_LIMIT = re.compile(r"\s*(\w+)\s*(<=|>=|<|>|=)\s*(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a design must keep.

    Attributes:
        metric: Name.
        most: Whether ``value`` is the largest that counts, not the smallest.
        value: In the metric's unit.
    """

    metric: str
    most: bool
    value: float

    def holds(self, value: float) -> bool:
        """Return whether a value keeps it; a missing one does not."""
        return value <= self.value if self.most else value >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A trial that keeps the limits and that no other one of those dominates.

    Attributes:
        number: Of the trial.
        values: Its objectives.
        estimates: Which of them are estimates.
        score: 0 where it is the best in every objective, 1 where it is the worst; by the weights.
        spare: The share of the part that it leaves free, of what it leaves least; None without a
            part.
        is_knee: With equal weights no other one is nearer to the best of everything.
        best_in: Objectives in which it is the best.
    """

    number: int
    values: tuple[float, ...]
    estimates: tuple[str, ...]
    score: float
    spare: float | None
    is_knee: bool
    best_in: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is left to choose from.

    Attributes:
        study: Name.
        objectives: In the order of ``Candidate.values``.
        candidates: The best score first.
        counted: How many trials count without the limits.
        kept: How many of them keep the limits.
    """

    study: str
    objectives: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    counted: int
    kept: int


def parse_limit(text: str, definitions: Mapping[str, MetricDefinition] | None = None) -> Limit:
    """Read ``latency_us <= 100ms``, ``lut4 < 8,000``, ``fmax_mhz >= 60``, ``latency_us=150k``.

    Args:
        text: What a person wrote.
        definitions: Of the metrics: after ``=`` what is better when higher has a least value, and
            everything else a largest one.

    Raises:
        ConfigError: It is no such text.
    """
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text!r} is no limit",
            fix='write "METRIC <= NUMBER", such as "latency_us <= 100ms", or METRIC=NUMBER',
        )
    metric, sign, typed = found.groups()
    most = sign.startswith("<") or (sign == "=" and not _is_higher_better(metric, definitions))
    return Limit(metric=metric, most=most, value=quantity(typed, metric))


def _is_higher_better(metric: str, definitions: Mapping[str, MetricDefinition] | None) -> bool:
    known = METRICS if definitions is None else definitions
    return metric in known and known[metric].better == "higher"


def parse_weight(text: str) -> tuple[str, float]:
    """Read ``latency_us=2``.

    Raises:
        ConfigError: It is no such text.
    """
    name, _, number = text.partition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not math.isfinite(weight) or weight < 0:
        raise ConfigError(f"{text!r} is no weight", fix='write "OBJECTIVE=NUMBER", 0 or more')
    return name.strip(), weight


def keepers_of(
    columns: StudyColumns,
    *,
    limits: Sequence[Limit] = (),
    tags: Sequence[str] = (),
    part: str | None = None,
    spare: float = 0.0,
) -> tuple[list[int], list[int], dict[int, float | None]]:
    """Return the trials that count and keep limits: everybody who asks for limits asks here.

    Args:
        columns: Of the study, with all metrics.
        limits: To keep.
        tags: That a trial must have, all of them.
        part: As of ``choose``.
        spare: As of ``choose``.

    Returns:
        Positions of those that keep all, of those that count, and of the latter what they leave
        free of the part.

    Raises:
        ConfigError: A metric, a tag or the part is unknown, or nothing keeps the limits.
    """
    tagged(columns, tags)  # says which of them there is not
    for limit in limits:
        if limit.metric not in columns.metrics:
            raise ConfigError(
                f"no trial of study {columns.config.name} has the metric {limit.metric}",
                fix=suggestion(limit.metric, sorted(columns.metrics), intro="use one of"),
            )
    counted = np.flatnonzero(columns.standing.kept).tolist()
    free = {at: _spare(columns, at, part or columns.config.target.part) for at in counted}
    if part is not None and not any(share is not None for share in free.values()):
        cells = ", ".join(capacity_of(part)) or "nothing that is known"
        raise ConfigError(
            f"whether a trial fits {part} cannot be told: it has {cells}",
            fix="name a part of the study's own family, or one that counts in the same roles",
        )
    keepers = {
        f"{limit.metric} {'<=' if limit.most else '>='} {number_text(limit.value)}": {
            at for at in counted if limit.holds(float(columns.column(limit.metric)[at]))
        }
        for limit in limits
    }
    keepers |= {
        f"the tag {tag}": set(np.flatnonzero(tagged(columns, [tag])).tolist()) & {*counted}
        for tag in tags
    }
    if part is not None or spare > 0:
        what = f"room on {part or columns.config.target.part} with {spare:.0%} to spare"
        keepers[what] = {at for at, share in free.items() if share is not None and share >= spare}
    if not counted:
        why = "; ".join(why_none_counts(columns))
        raise ConfigError(
            f"no trial of study {columns.config.name} has completed within its constraints yet"
            + (f": {why}" if why else ""),
            fix="go on searching, or loosen [constraints] in a study of another name",
        )
    kept = [at for at in counted if all(at in keeping for keeping in keepers.values())]
    if not kept:
        each = ", ".join(f"{len(keeping)} keep {what}" for what, keeping in keepers.items())
        most = max((share for share in free.values() if share is not None), default=0.0)
        room = f"; the most that is left free of the part is {most:.0%}" if part or spare else ""
        raise ConfigError(
            f"none of the {len(counted)} trials of study {columns.config.name} that count keeps"
            f" all limits: {each or 'there is none'}{room}",
            fix="loosen one, or go on searching with it under [constraints]",
        )
    return kept, counted, free


def tagged(columns: StudyColumns, tags: Sequence[str]) -> Mask:
    """Return which trials have all of some tags.

    Raises:
        ConfigError: No trial of the study has one of them.
    """
    found = np.ones(len(columns), dtype=np.bool_)
    for tag in tags:
        if tag not in columns.tags:
            name = columns.config.name
            raise ConfigError(
                f"no trial of study {name} is tagged {tag}",
                fix=suggestion(tag, columns.tags, intro="use one of")
                if columns.tags
                else f"give trials the tag first: {study_command('tag', name, 'TRIAL', tag)}",
            )
        has = [number for number, remark in columns.remarks.items() if tag in remark.tags]
        found &= np.isin(columns.numbers, has)
    return found


def choose(
    columns: StudyColumns,
    *,
    limits: Sequence[Limit] = (),
    tags: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    part: str | None = None,
    spare: float = 0.0,
) -> Choice:
    """Return the designs that keep the limits and do not lose to another one that does.

    Args:
        columns: Of the study, with all metrics.
        limits: To keep.
        tags: That a design must have, all of them.
        weights: Of objectives; those that are not named have 1.
        part: An FPGA that a design must fit; None for the study's own, which every one fits.
        spare: The share of each of the part's resources that must stay free.

    Raises:
        ConfigError: A metric, an objective or the part is unknown, or nothing keeps the limits.
    """
    weights = dict(weights or {})
    objectives = columns.config.objectives
    for name in weights:
        if name not in objectives:
            raise ConfigError(
                f"{name} is no objective of study {columns.config.name}",
                fix=f"weigh {', '.join(objectives)}",
            )
    kept, counted, free = keepers_of(columns, limits=limits, tags=tags, part=part, spare=spare)
    points = np.column_stack([columns.column(name)[kept] for name in objectives])
    chosen = list(front(points, goals_of(columns.config)))
    ranking = ranked(columns, [kept[at] for at in chosen], weights=weights)
    candidates = [
        Candidate(
            number=int(columns.numbers[kept[at]]),
            values=tuple(points[at].tolist()),
            estimates=tuple(
                name for name in objectives if columns.metrics[name].estimate[kept[at]]
            ),
            score=ranking.scores[row],
            spare=free[kept[at]],
            is_knee=row == ranking.knee,
            best_in=ranking.best_in[row],
        )
        for row, at in enumerate(chosen)
    ]
    candidates.sort(key=lambda candidate: (candidate.score, candidate.number))
    return Choice(
        study=columns.config.name,
        objectives=objectives,
        candidates=tuple(candidates),
        counted=len(counted),
        kept=len(kept),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How good each of some trials of a front is.

    Attributes:
        scores: Of each: 0 where it is the best in every objective, 1 where it is the worst.
        knee: Which of them is nearest to the best of everything, with equal weights.
        best_in: Objectives in which each is the best.
    """

    scores: tuple[float, ...]
    knee: int
    best_in: tuple[tuple[str, ...], ...]


def ranked(
    columns: StudyColumns, positions: Sequence[int], *, weights: Mapping[str, float]
) -> Ranking:
    """Rank trials of a front, at least one.

    Args:
        columns: Of the study.
        positions: Of the trials.
        weights: Of objectives; those that are not named have 1.

    Raises:
        ConfigError: Every weight is 0.
    """
    objectives = columns.config.objectives
    points = np.column_stack([columns.column(name)[list(positions)] for name in objectives])
    shares = _shares(points, [goal == "minimise" for goal in goals_of(columns.config)])
    weight = np.array([weights.get(name, 1.0) for name in objectives])
    if not weight.any():
        raise ConfigError("every weight is 0", fix="give one objective a weight above 0")
    weight = weight / weight.max()  # so that no sum of large ones is infinite
    return Ranking(
        scores=tuple((shares @ weight / weight.sum()).tolist()),
        knee=int(np.argmin(shares.mean(axis=1))),
        best_in=tuple(
            tuple(name for name, share in zip(objectives, row, strict=True) if share == 0.0)
            for row in shares.tolist()
        ),
    )


def fits(columns: StudyColumns, part: str, *, spare: float = 0.0) -> Mask:
    """Return where a trial uses no more of anything than a part has, as far as it was counted.

    Args:
        columns: Of the study.
        part: Name of an FPGA.
        spare: The share of each of its resources that must stay free.
    """
    room = np.zeros(len(columns), dtype=np.bool_)
    over = np.zeros(len(columns), dtype=np.bool_)
    for name, there in capacity_of(part).items():
        values = columns.column(name)
        room |= values <= there * (1 - spare)
        over |= values > there * (1 - spare)
    return room & ~over


def _shares(points: np.ndarray, minimise: Sequence[bool]) -> np.ndarray:
    """Return for each point and objective where it lies between the best, 0, and the worst, 1.

    On a logarithmic scale where all values are above 0: twice as fast is as good as half as large.
    """
    columns = []
    for values, is_less_better in zip(points.T, minimise, strict=True):
        scaled = np.log(values) if (values > 0).all() else values.astype(float)
        scaled = scaled if is_less_better else -scaled
        low, high = scaled.min(), scaled.max()
        columns.append((scaled - low) / (high - low) if high > low else np.zeros(len(scaled)))
    return np.column_stack(columns)


def _spare(columns: StudyColumns, position: int, part: str) -> float | None:
    """Return the share of a part that a trial leaves free, of the scarcest of its resources."""
    capacity = capacity_of(part)
    metrics, _ = columns.measured(position)
    shares = [
        1.0 - metrics[name] / there for name, there in capacity.items() if name in metrics and there
    ]
    return min(shares) if shares else None
