"""Two to four trials side by side, with what differs marked and the better value named."""

from collections.abc import Sequence
from typing import Any

from contracts.faults import ConfigError, NotFound
from dse.dashboard.data.selection import metric_names
from dse.dashboard.pages.parts import trial_row
from dse.dashboard.web.context import Context
from dse.results.columns import StudyColumns
from dse.store import TrialDetail
from dse.words import number_text, value_text, whole_number

MOST = 4


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
    }


def _numbers(texts: Sequence[str], columns: StudyColumns) -> list[int]:
    words = [word for text in texts for word in text.replace(",", " ").split()]
    known = {word: whole_number(word) for word in words}
    bad = [w for w, n in known.items() if n is None or columns.index_of(n) is None]
    numbers = list(dict.fromkeys(n for n in known.values() if n is not None))
    fix = f"name 2 to {MOST} trials of the study, such as ?trials=1,2"
    if bad:
        raise NotFound(f"there is no trial {bad[0][:40]!r}", fix=fix)
    if not 2 <= len(numbers) <= MOST:
        raise ConfigError(f"{len(numbers)} trials were named", fix=fix)
    return numbers


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
        differs = len(set(values)) > 1 or len(values) < len(cells)
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
        return {"text": "-", "ratio": "", "is_best": False, "estimate": False}
    ratio = cell["value"] / base if number and base else None
    return {
        "text": cell["text"],
        "ratio": f"{ratio:.3g}×" if ratio is not None and ratio != 1 else "",
        "is_best": best is not None and cell["value"] == best,
        "estimate": cell["estimate"],
    }


def _layer_rows(details: Sequence[TrialDetail]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(layer.name for d in details for layer in d.measurement.layers))
    by_trial = [{layer.name: layer for layer in d.measurement.layers} for d in details]
    most = max((x.cycles for layers in by_trial for x in layers.values()), default=1) or 1
    return [
        {
            "name": name,
            "cells": [
                {
                    "text": number_text(layers[name].cycles) if name in layers else "-",
                    "share": layers[name].cycles / most if name in layers else 0.0,
                }
                for layers in by_trial
            ],
            "differs": len({layers[name].cycles if name in layers else -1 for layers in by_trial})
            > 1,
        }
        for name in names
    ]
