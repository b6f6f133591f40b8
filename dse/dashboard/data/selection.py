"""What a person chose to see: axes, ranges, values, weights, ticks, as the query of an address.

The whole choice stands in the address, so it can be bookmarked, sent, and gone back from; the
same query filters pages, tables, charts and downloads.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import urlencode

import numpy as np

from contracts.faults import ConfigError
from dse.results.choosing import fits, parse_weight
from dse.results.columns import ABSENT, Mask, StudyColumns
from dse.results.front import WORDS, Standing, Verdict, judge
from dse.words import metric_text, quantity, value_text, whole_number
from runners.fpga import PARTS

Scale = Literal["auto", "log", "linear"]
SHOWN = {
    "all": tuple(Verdict),
    "front": (Verdict.FRONT,),
    "feasible": (Verdict.FRONT, Verdict.DOMINATED, Verdict.EQUAL),
    "completed": (
        Verdict.FRONT, Verdict.DOMINATED, Verdict.EQUAL, Verdict.EXCLUDED, Verdict.SUPERSEDED,
    ),
    "infeasible": (Verdict.INFEASIBLE,),
    "failed": (Verdict.FAILED,),
    "open": (Verdict.RUNNING, Verdict.WAITING),
}  # fmt: skip
_CHOICE = (
    "x", "y", "size", "colour", "xs", "ys", "box", "only", "show", "fits", "spare", "tag", "derive",
    "weight", "tick",
)  # fmt: skip
_OF_PAGES = (
    "sort", "page", "effect", "over", "course", "by", "with", "of", "across", "down", "after",
    "limit", "most",
)  # fmt: skip
"""What else pages and the API are asked for, in the same query."""
_OF_FORMS = ("low-", "high-", "only-", "weight-")
"""How the form without JavaScript begins its names, before that of a metric or a parameter."""
_WIDE = 20.0
"""A range of this ratio or more is drawn on a logarithmic axis unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One choice of what to see.

    Attributes:
        x: Metric or parameter across.
        y: Metric or parameter upwards.
        size: Metric shown by the size of points, or empty.
        colour: Parameter shown by the colour of points, or empty.
        x_scale: Of the axis across.
        y_scale: Of the axis upwards.
        box: Metric to its smallest and largest value; infinite where there is no limit.
        only: Parameter to the texts of its allowed values; ``-`` stands for absent.
        show: A key of ``SHOWN``; the front is that of the trials that the other filters leave.
        fits: A part that designs must fit, or empty.
        spare: Percent of it that must stay free; of the study's own part where none is named.
        tag: That a person gave to trials, or empty.
        derive: Formulas of metrics that are shown like the study's own.
        weights: Objective to how much it matters in the order of the front; empty for no order.
        ticks: Numbers of the trials that are ticked, to be compared.
    """

    x: str
    y: str
    size: str
    x_scale: Scale
    y_scale: Scale
    box: Mapping[str, tuple[float, float]]
    only: Mapping[str, tuple[str, ...]]
    show: str
    fits: str = ""
    spare: float = 0.0
    tag: str = ""
    colour: str = ""
    derive: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    ticks: tuple[int, ...] = ()

    @property
    def is_filtering(self) -> bool:
        """Whether any trial can be left out."""
        return bool(self._narrows or self.show != "all")

    @property
    def _narrows(self) -> bool:
        return bool(self.box or self.only or self.fits or self.spare or self.tag)

    def mask(self, columns: StudyColumns) -> Mask:
        """Return which trials are chosen."""
        chosen = self._within(columns)
        if self.show != "all":
            chosen &= np.isin(self.standing(columns).verdicts, SHOWN[self.show])
        return chosen

    def standing(self, columns: StudyColumns) -> Standing:
        """Return what each trial is to the front of those that the filters leave."""
        if not self._narrows:
            return columns.standing
        return _standing_within(columns, self._within(columns).tobytes())

    def _within(self, columns: StudyColumns) -> Mask:
        """Return which trials the filters leave, whatever they are to the front."""
        chosen = np.ones(len(columns), dtype=np.bool_)
        for metric, (low, high) in self.box.items():
            values = columns.column(metric)
            chosen &= (values >= low) & (values <= high)
        for name, texts in self.only.items():
            chosen &= _has_value(columns, name, texts)
        if self.fits or self.spare:
            part = self.fits or columns.config.target.part
            chosen &= fits(columns, part, spare=self.spare / 100)
        if self.tag:
            tagged = [n for n, remark in columns.remarks.items() if self.tag in remark.tags]
            chosen &= np.isin(columns.numbers, tagged)
        return chosen

    def query(self, **changes: object) -> str:
        """Return the query of an address that leads to this choice, with some fields changed."""
        other = replace(self, **changes) if changes else self  # type: ignore[arg-type]
        pairs: list[tuple[str, str]] = [("x", other.x), ("y", other.y)]
        pairs += [("size", other.size)] if other.size else []
        pairs += [("colour", other.colour)] if other.colour else []
        pairs += [("xs", other.x_scale)] if other.x_scale != "auto" else []
        pairs += [("ys", other.y_scale)] if other.y_scale != "auto" else []
        pairs += [
            ("box", f"{m}:{_bound(low)}:{_bound(high)}") for m, (low, high) in other.box.items()
        ]
        pairs += [("only", f"{name}:{'|'.join(texts)}") for name, texts in other.only.items()]
        pairs += [("show", other.show)] if other.show != "all" else []
        pairs += [("fits", other.fits)] if other.fits else []
        pairs += [("spare", f"{other.spare:g}")] if other.spare else []
        pairs += [("tag", other.tag)] if other.tag else []
        pairs += [("derive", formula) for formula in other.derive]
        pairs += [("weight", f"{name}:{weight:g}") for name, weight in other.weights.items()]
        pairs += [("tick", str(number)) for number in other.ticks]
        return urlencode(pairs, safe=":|")

    def in_words(self) -> list[str]:
        """Return the filters as people read them."""
        words = [
            f"{metric} {'' if low == -math.inf else f'≥ {metric_text(metric, low)}'}"
            f"{' and ' if math.isfinite(low) and math.isfinite(high) else ''}"
            f"{'' if high == math.inf else f'≤ {metric_text(metric, high)}'}"
            for metric, (low, high) in self.box.items()
        ]
        words += [f"{name} is {' or '.join(texts)}" for name, texts in self.only.items()]
        words += [f"fits {self.fits}"] if self.fits else []
        words += [f"{self.spare:g} % to spare"] if self.spare else []
        words += [f"tagged {self.tag}"] if self.tag else []
        return words + ([f"only {self.show}"] if self.show != "all" else [])


def parse_selection(query: Sequence[tuple[str, str]], columns: StudyColumns) -> Selection:
    """Read a choice from the query of an address.

    Raises:
        ConfigError: It names something that the study does not have, or that nothing reads.
    """
    for name, _ in query:
        if not name.startswith(_OF_FORMS):
            _one_of(name, (*_CHOICE, *_OF_PAGES), "something unknown,")
    first = {name: value for name, value in reversed(query) if value}
    x, y = _axes(columns)
    box = dict(_box(text, columns) for name, text in query if name == "box" and text)
    for name, value in query:  # the form without JavaScript: low-METRIC=..., high-METRIC=...
        end, _, metric = name.partition("-")
        if end in ("low", "high") and value:
            low, high = box.get(_metric(metric, columns), (-math.inf, math.inf))
            number = quantity(value, metric)
            box[metric] = (number, high) if end == "low" else (low, number)
    only = dict(_only(text, columns) for name, text in query if name == "only" and text)
    for name, value in query:  # the same form: only-PARAMETER=VALUE
        if name.startswith("only-") and value:
            only |= dict([_only(f"{name.removeprefix('only-')}:{value}", columns)])
    weights = dict(_weight(text, columns) for name, text in query if name == "weight" and text)
    for name, value in query:  # the same form: weight-OBJECTIVE=NUMBER
        if name.startswith("weight-") and value:
            weights |= dict([_weight(f"{name.removeprefix('weight-')}:{value}", columns)])
    if weights and not any(weights.get(name, 1.0) for name in columns.config.objectives):
        raise ConfigError("every weight is 0", fix="give one objective a weight above 0")
    return Selection(
        x=_axis(first.get("x", x), columns),
        y=_axis(first.get("y", y), columns),
        size=_metric(first["size"], columns) if "size" in first else "",
        colour=_one_of(first["colour"], tuple(columns.parameters), "a colour for")
        if "colour" in first
        else "",
        x_scale=_scale(first.get("xs", "auto")),
        y_scale=_scale(first.get("ys", "auto")),
        box=box,
        only=only,
        show=_one_of(first.get("show", "all"), tuple(SHOWN), "show"),
        fits=_one_of(first["fits"], tuple(PARTS), "part") if "fits" in first else "",
        spare=_spare(first.get("spare", "")),
        tag=first.get("tag", ""),
        derive=tuple(dict.fromkeys(text for name, text in query if name == "derive" and text)),
        weights=weights,
        ticks=tuple(dict.fromkeys(_tick(text) for name, text in query if name == "tick" and text)),
    )


def is_log(values: np.ndarray[tuple[int], np.dtype[np.float64]], scale: Scale) -> bool:
    """Tell whether an axis over these values is logarithmic."""
    shown = values[np.isfinite(values)]
    if scale == "linear" or not shown.size or shown.min() <= 0:
        return False
    return scale == "log" or bool(shown.max() >= _WIDE * shown.min())


def metric_names(columns: StudyColumns) -> tuple[str, ...]:
    """Return the metrics to choose from: objectives first."""
    objectives = columns.config.objectives
    return (*objectives, *(name for name in columns.metrics if name not in objectives))


def bound_text(metric: str, value: float) -> str:
    """Return a bound as people write it, unless that would be another number; none is empty."""
    if not math.isfinite(value):
        return ""
    text = metric_text(metric, value)
    return text if quantity(text, metric) == value else f"{value:.10g}"


def verdict_words(letter: str) -> str:
    """Return what a verdict's letter stands for."""
    return WORDS[Verdict(letter)]


def _axes(columns: StudyColumns) -> tuple[str, str]:
    names = metric_names(columns)
    return names[0], names[1] if len(names) > 1 else names[0]


def _has_value(columns: StudyColumns, name: str, texts: Sequence[str]) -> Mask:
    parameter = columns.parameters[name]
    codes = [code for code, value in enumerate(parameter.values) if value_text(value) in texts]
    codes += [ABSENT] if "-" in texts else []
    return np.isin(parameter.codes, codes)


def _metric(name: str, columns: StudyColumns) -> str:
    return _one_of(name, metric_names(columns), "metric")


def _axis(name: str, columns: StudyColumns) -> str:
    return _one_of(name, (*metric_names(columns), *columns.parameters), "axis")


def _one_of(value: str, allowed: Sequence[str], what: str) -> str:
    if value not in allowed:
        raise ConfigError(
            f"the address asks for {what} {value[:80]!r}", fix=f"use one of: {', '.join(allowed)}"
        )
    return value


def _scale(value: str) -> Scale:
    match value:
        case "auto" | "log" | "linear":
            return value
        case _:
            raise ConfigError(
                f"the address asks for an axis that is {value[:80]!r}",
                fix="use one of: auto, log, linear",
            )


def _box(text: str, columns: StudyColumns) -> tuple[str, tuple[float, float]]:
    metric, _, bounds = text.partition(":")
    low, _, high = bounds.partition(":")
    return _metric(metric, columns), (
        quantity(low, metric) if low else -math.inf,
        quantity(high, metric) if high else math.inf,
    )


def _only(text: str, columns: StudyColumns) -> tuple[str, tuple[str, ...]]:
    name, _, values = text.partition(":")
    return _one_of(name, tuple(columns.parameters), "parameter"), tuple(values.split("|"))


def _weight(text: str, columns: StudyColumns) -> tuple[str, float]:
    name, _, number = text.rpartition(":")
    _one_of(name, columns.config.objectives, "the weight of")
    return parse_weight(f"{name}={number}")


def _spare(text: str) -> float:
    try:
        percent = float(text.removesuffix("%") or 0)
    except ValueError:
        percent = math.nan
    if not 0 <= percent < 100:
        raise ConfigError(
            f"the address asks for {text[:80]!r} to spare", fix="use percent, 0 to 99"
        )
    return percent


def _tick(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise ConfigError(f"the address ticks {text[:80]!r}", fix="use the number of a trial")
    return number


@lru_cache(maxsize=4)
def _standing_within(columns: StudyColumns, within: bytes) -> Standing:
    return judge(columns, np.frombuffer(within, dtype=np.bool_))


def _bound(value: float) -> str:
    return f"{value:.10g}" if math.isfinite(value) else ""
