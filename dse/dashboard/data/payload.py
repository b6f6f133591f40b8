"""The JSON that the charts of a study are drawn from in the browser.

``packed_columns`` is the answer of ``/api/studies/STUDY/columns``: all trials, one letter a value.
``changes_data`` is what the event stream sends afterwards.
"""

import gzip
import hashlib
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.dashboard.data.selection import Selection, metric_names
from dse.results.columns import FIDELITIES, StudyColumns, values_json
from dse.results.front import Verdict, goals_of
from dse.words import json_text, value_text
from runners.fpga import PARTS, capacity_of

FIRST_LETTER = 48
"""``0`` stands for the first value of a parameter, ``1`` for the second; a blank for none."""
_SCATTER, _SCATTER_MODULUS = 2_654_435_761, 1 << 32  # Knuth, TAOCP 3, 6.4: spreads numbers
PROCESS = uuid.uuid4().hex[:8]
"""Revisions count within one process only."""
MOST_CHANGES = 100
"""Above this many changed trials, some 45 kB, a viewer is told to fetch the columns again."""
MOST_DRAWN = 12_000
"""A chart gets at most this many trials: of the dominated ones a sample, half a megabyte packed."""


def drawn(
    columns: StudyColumns, most: int | None, selection: Selection | None = None
) -> NDArray[np.intp]:
    """Return the positions of the trials that a chart is sent: all, or a fair sample.

    Those on the front, open ones and the newest changes of any kind are not left out before the
    dominated ones; among those every trial has the same chance, so dense regions stay dense. The
    choice depends on the numbers alone: a study that grows keeps showing the same trials. Those
    of a selection come before the others, those on its own front before all.
    """
    everything = np.arange(len(columns))
    if most is None or len(columns) <= most:
        return everything
    verdicts = columns.standing.verdicts
    order = (columns.numbers * _SCATTER) % _SCATTER_MODULUS
    first = np.isin(verdicts, [Verdict.FRONT, Verdict.RUNNING, Verdict.WAITING])
    is_own_front, is_chosen = np.zeros((2, len(columns)), dtype=np.bool_)
    if selection is not None and selection.is_filtering:
        is_own_front = selection.standing(columns).verdicts == Verdict.FRONT
        is_chosen = selection.mask(columns)
    ranked = np.lexsort((order, ~is_chosen, ~first, ~is_own_front))
    return np.sort(ranked[:most])


def columns_data(
    columns: StudyColumns, most: int | None = None, selection: Selection | None = None
) -> dict[str, Any]:
    """Return a study for the charts, at most so many trials of it, see ``drawn``."""
    shown, known = drawn(columns, most, selection), columns.metrics
    return {
        "study": columns.config.name,
        "mark": mark(columns),
        "objectives": objectives_data(columns),
        "limits": limits(columns),
        "references": [
            {"name": r.name, "metric": r.metric, "value": r.value}
            for r in columns.config.references
        ],
        "omitted": len(columns) - len(shown),
        "is_derived": selection is not None and bool(selection.derive),
        "part": columns.config.target.part,
        "parts": {
            part: {name: there for name, there in capacity_of(part).items() if name in known}
            for part in PARTS
        },
        "numbers": columns.numbers[shown].tolist(),
        "verdicts": "".join(columns.standing.verdicts[shown].tolist()),
        "front": columns.numbers[columns.standing.front].tolist(),
        "tags": {
            str(number): list(columns.remarks[number].tags)
            for number in columns.numbers[shown].tolist()
            if number in columns.remarks
        },
        "parameters": [
            {
                "name": parameter.name,
                "varies": parameter.name in columns.varying,
                "values": [value_text(value) for value in parameter.values],
                "codes": _letters(parameter.codes[shown]),
            }
            for parameter in columns.parameters.values()
        ],
        "metrics": [
            {
                "name": name,
                "unit": columns.metrics[name].unit,
                "values": values_json(columns.metrics[name].values[shown]),
                "fidelity": _letters(columns.metrics[name].fidelity[shown]),
                "estimate": "".join(
                    "e" if e else " " for e in columns.metrics[name].estimate[shown].tolist()
                ),
            }
            for name in metric_names(columns)
            if name in columns.metrics
        ],
        "fidelities": [fidelity.value for fidelity in FIDELITIES],
    }


def packed_columns(
    columns: StudyColumns, most: int | None, selection: Selection | None = None
) -> tuple[bytes, str]:
    """Return the columns as compressed JSON and their ETag; made once for several viewers."""
    if selection is not None and len(columns) <= (most or len(columns)) and not selection.derive:
        selection = None  # then it makes no difference
    return _packed(columns, most, _Chosen(selection, selection.query() if selection else ""))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A selection that equals another one of the same address."""

    selection: Selection | None = field(compare=False)
    query: str


@lru_cache(maxsize=4)
def _packed(columns: StudyColumns, most: int | None, chosen: _Chosen) -> tuple[bytes, str]:
    text = json_text(columns_data(columns, most, chosen.selection)).encode()
    tag = f'"{hashlib.sha256(text).hexdigest()[:24]}"'
    return gzip.compress(text, 5, mtime=0), tag


def changes_data(columns: StudyColumns, since: int) -> dict[str, Any] | None:
    """Return what changed after a revision; None when it is better to fetch all again."""
    changed = np.flatnonzero(columns.changed > since)
    if len(changed) > MOST_CHANGES:
        return None
    verdicts = columns.standing.verdicts
    trials = []
    for position in changed.tolist():
        trial = columns.trials[position]
        trials.append(
            {
                "number": trial.number,
                "verdict": str(verdicts[position]),
                "design": {name: value_text(value) for name, value in trial.design.items()},
                "tags": list(columns.remark_of(position).tags),
                "metrics": {
                    name: [
                        float(f"{metric.values[position]:.8g}"),
                        metric.unit,
                        FIDELITIES[metric.fidelity[position]].value,
                        bool(metric.estimate[position]),
                    ]
                    for name, metric in columns.metrics.items()
                    if np.isfinite(metric.values[position])
                },
            }
        )
    front = columns.numbers[columns.standing.front].tolist()
    return {"trials": trials, "front": front}


def mark(columns: StudyColumns) -> str:
    """Return the id of this state of a study; a viewer that sends it back gets what came later."""
    return f"{PROCESS}-{columns.revision}"


def objectives_data(columns: StudyColumns) -> list[dict[str, str]]:
    """Return the objectives with their goals."""
    goals = goals_of(columns.config)
    return [
        {"metric": metric, "goal": goal}
        for metric, goal in zip(columns.config.objectives, goals, strict=True)
    ]


def limits(columns: StudyColumns) -> dict[str, float]:
    """Return what the part has of each metric it limits; empty for a part unknown here."""
    capacity = capacity_of(columns.config.target.part)
    return {name: float(capacity[name]) for name in columns.metrics if name in capacity}


def _letters(codes: "np.ndarray[Any, Any]") -> str:
    points = np.where(codes < 0, ord(" "), FIRST_LETTER + codes.astype(np.int64))
    return points.astype("<u4").tobytes().decode("utf-32-le")
