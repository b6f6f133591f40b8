"""The JSON that the charts of a study are drawn from in the browser.

``packed_columns`` is the answer of ``/api/studies/STUDY/columns``: all trials, one letter a value.
``changes_data`` is what the event stream sends afterwards.
"""

import gzip
import hashlib
import json
import uuid
from typing import Any

import numpy as np

from dse.dashboard.data.columns import FIDELITIES, StudyColumns, values_json
from dse.dashboard.data.fronts import standing
from dse.dashboard.data.selection import metric_names
from dse.results.front import goals_of
from dse.words import value_text
from runners.fpga import capacity_of

FIRST_LETTER = 48
"""``0`` stands for the first value of a parameter, ``1`` for the second; a blank for none."""
PROCESS = uuid.uuid4().hex[:8]
"""Revisions count within one process only."""
MOST_CHANGES = 500
"""Above this many changed trials a viewer is told to fetch all columns again."""


def columns_data(columns: StudyColumns) -> dict[str, Any]:
    """Return a whole study for the charts."""
    return {
        "study": columns.config.name,
        "mark": mark(columns),
        "objectives": objectives_data(columns),
        "limits": limits(columns),
        "references": [
            {"name": r.name, "metric": r.metric, "value": r.value}
            for r in columns.config.references
        ],
        "numbers": columns.numbers.tolist(),
        "verdicts": "".join(standing(columns).verdicts.tolist()),
        "front": columns.numbers[standing(columns).front].tolist(),
        "parameters": [
            {
                "name": parameter.name,
                "varies": parameter.name in columns.varying,
                "values": [value_text(value) for value in parameter.values],
                "codes": _letters(parameter.codes),
            }
            for parameter in columns.parameters.values()
        ],
        "metrics": [
            {
                "name": name,
                "unit": columns.metrics[name].unit,
                "values": values_json(columns.metrics[name].values),
                "fidelity": _letters(columns.metrics[name].fidelity),
                "estimate": "".join("e" if e else " " for e in columns.metrics[name].estimate),
            }
            for name in metric_names(columns)
            if name in columns.metrics
        ],
        "fidelities": [fidelity.value for fidelity in FIDELITIES],
    }


def packed_columns(columns: StudyColumns) -> tuple[bytes, str]:
    """Return the columns as compressed JSON and their ETag; made once for each revision."""
    if "packed" not in columns.cache:
        text = json.dumps(columns_data(columns), separators=(",", ":")).encode()
        tag = f'"{hashlib.sha256(text).hexdigest()[:24]}"'
        columns.cache["packed"] = (gzip.compress(text, 5, mtime=0), tag)
    found: tuple[bytes, str] = columns.cache["packed"]
    return found


def changes_data(columns: StudyColumns, since: int) -> dict[str, Any] | None:
    """Return what changed after a revision; None when it is better to fetch all again."""
    changed = np.flatnonzero(columns.changed > since)
    if len(changed) > MOST_CHANGES:
        return None
    verdicts = standing(columns).verdicts
    trials = []
    for position in changed.tolist():
        trial = columns.trials[position]
        trials.append(
            {
                "number": trial.number,
                "verdict": str(verdicts[position]),
                "design": {name: value_text(value) for name, value in trial.design.items()},
                "metrics": {
                    name: [
                        float(columns.metrics[name].values[position]),
                        unit,
                        fidelity,
                        bool(columns.metrics[name].estimate[position]),
                    ]
                    for name, (_, unit, fidelity, _) in trial.metrics.items()
                },
            }
        )
    front = columns.numbers[standing(columns).front].tolist()
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
    return "".join(" " if code < 0 else chr(FIRST_LETTER + code) for code in codes.tolist())
