"""Two to four trials side by side, with what differs marked and the better value named.

The others are told as factors of the first. Who names one trial has it compared with the knee of
the front.
"""

from collections.abc import Sequence
from typing import Any

from contracts.faults import ConfigError, NotFound
from dse.dashboard.data.selection import metric_names
from dse.dashboard.pages.parts import trial_row
from dse.dashboard.web.context import Context
from dse.results.choosing import ranked
from dse.results.columns import StudyColumns
from dse.results.comparing import NOISE_OF_ALL, NOISE_OF_LAYER
from dse.store import TrialDetail
from dse.words import number_text, plural, value_text, whole_number

MOST = 4
_NOISE_OF_METRIC = 0.001
"""A metric that differs by no more says nothing of the designs; of layers see ``comparing``."""


def compare_context(
    context: Context, columns: StudyColumns, texts: Sequence[str]
) -> dict[str, Any]:
    """Return what the page of a comparison shows.

    Raises:
        NotFound: A trial that is named does not exist.
        ConfigError: Not two to four are named.
    """
    numbers = _numbers(texts, columns)
    positions = [columns.index_of(number) for number in numbers]
    rows = [trial_row(columns, p) for p in positions if p is not None]
    details = [context.studies.detail(columns.config.name, number)[1] for number in numbers]
    return {
        "study": columns.config.name,
        "config": columns.config,
        "numbers": numbers,
        "rows": rows,
        "design": _design_rows(rows),
        "metrics": _metric_rows(columns, rows),
        "layers": _layer_rows(details),
        "layer_totals": [sum(x.cycles for x in d.measurement.layers) for d in details],
        "is_with_knee": len(numbers) > len(_named(texts)),
    }


def _named(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(word for text in texts for word in text.replace(",", " ").split()))


def _numbers(texts: Sequence[str], columns: StudyColumns) -> list[int]:
    known = {word: whole_number(word) for word in _named(texts)}
    bad = [w for w, n in known.items() if n is None or columns.index_of(n) is None]
    numbers = list(dict.fromkeys(n for n in known.values() if n is not None))
    fix = f"name 1 to {MOST} trials of the study, such as ?trials=1,2"
    if bad:
        raise NotFound(f"there is no trial {bad[0][:40]!r}", fix=fix)
    if len(numbers) == 1:
        numbers += _partner(columns, numbers[0])
    if not 2 <= len(numbers) <= MOST:
        raise ConfigError(f"{plural(len(numbers), 'trial')} can be compared", fix=fix)
    return numbers


def _partner(columns: StudyColumns, number: int) -> list[int]:
    """Return the knee of the front, or where that is the trial itself, the first on the front."""
    front = columns.standing.front.tolist()
    if not front:
        return []
    knee = front[ranked(columns, front, weights={}).knee]
    choices = [int(columns.numbers[position]) for position in (knee, *front)]
    return [other for other in choices if other != number][:1]


def _design_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = sorted({name for row in rows for name in row["design"]})
    found = []
    for name in names:
        texts = [value_text(row["design"][name]) if name in row["design"] else "-" for row in rows]
        found.append({"name": name, "texts": texts, "differs": len(set(texts)) > 1})
    return found


def _metric_rows(columns: StudyColumns, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for name in metric_names(columns):
        cells = [row["metrics"].get(name) for row in rows]
        values = [cell["value"] for cell in cells if cell is not None]
        if not values:
            continue
        differs = len(values) < len(cells) or not _is_noise(values, _NOISE_OF_METRIC)
        better = max if name in columns.config.maximise else min
        has_goal = name in columns.config.objectives
        best = better(values) if has_goal and len(set(values)) > 1 else None
        base = cells[0]["value"] if cells[0] is not None else None
        found.append(
            {
                "name": name,
                "unit": columns.metrics[name].unit,
                "cells": [_cell(cell, base, best, number) for number, cell in enumerate(cells)],
                "differs": differs,
            }
        )
    return found


def _cell(
    cell: dict[str, Any] | None, base: float | None, best: float | None, number: int
) -> dict[str, Any]:
    if cell is None:
        return {"text": "-", "ratio": "", "is_best": False}
    return {
        "text": cell["text"],
        "ratio": _factor(cell["value"], base) if number else "",
        "is_best": best is not None and cell["value"] == best,
    }


def _factor(value: float, base: float | None) -> str:
    """Return how many times the first trial's value another one's is; nothing for noise."""
    if not base or _is_noise([value, base], _NOISE_OF_METRIC):
        return ""
    return f"{value / base:.3g}×"


def _is_noise(values: Sequence[float], share: float) -> bool:
    return max(values) - min(values) <= share * max(map(abs, values))


def _layer_rows(details: Sequence[TrialDetail]) -> list[dict[str, Any]]:
    """Return the layers, those first whose cycles differ most, and those last that do not."""
    by_trial = [{layer.name: layer.cycles for layer in d.measurement.layers} for d in details]
    names = list(dict.fromkeys(name for layers in by_trial for name in layers))
    most = max((cycles for layers in by_trial for cycles in layers.values()), default=1) or 1
    whole = max(sum(layers.values()) for layers in by_trial)
    rows = []
    for name in names:
        cycles = [layers.get(name) for layers in by_trial]
        known = [count for count in cycles if count is not None]
        off = max(known) - min(known) if len(known) == len(cycles) else max(known)
        is_noise = len(known) == len(cycles) and (
            _is_noise(known, NOISE_OF_LAYER) or off <= NOISE_OF_ALL * whole
        )
        cells = [
            {
                "text": "-" if count is None else number_text(count),
                "ratio": "" if count is None or not number else _factor(count, cycles[0]),
                "share": (count or 0) / most,
            }
            for number, count in enumerate(cycles)
        ]
        rows.append({"name": name, "cells": cells, "differs": not is_noise, "off": off})
    return sorted(rows, key=lambda row: (not row["differs"], -row["off"]))
