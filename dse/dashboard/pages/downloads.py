"""Files: every table as CSV, every chart as SVG, artefacts as they are."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from contracts.faults import NotFound
from dse.dashboard.drawing.front import front_picture
from dse.dashboard.pages.artefacts import artefact_file
from dse.dashboard.pages.parts import PARTS, trial_row
from dse.dashboard.pages.trial import drawings, tables
from dse.dashboard.web.context import ColumnsDep, ContextDep, SelectionDep
from dse.output.drawing.svg import Drawing
from dse.results.growth import growth_rows
from dse.store import TrialRecord

router = APIRouter(include_in_schema=False)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to spreadsheets; texts are kept from being one."""


@router.get("/studies/{study}/front.svg")
def draw_front(columns: ColumnsDep, selection: SelectionDep) -> Response:
    """The front as a picture."""
    return svg(front_picture(columns, selection), f"{columns.config.name}-front")


@router.get("/studies/{study}/{part}.svg")
def draw_part(
    request: Request, part: str, columns: ColumnsDep, selection: SelectionDep, context: ContextDep
) -> Response:
    """The chart of a part of a study's page."""
    found = (
        PARTS[part](columns, selection, context, dict(request.query_params))
        if part in PARTS
        else {}
    )
    if found.get("drawing") is None:
        raise NotFound(f"there is no picture {part[:80]}.svg", fix="go back to the study")
    return svg(found["drawing"], f"{columns.config.name}-{part}")


@router.get("/studies/{study}/trials.csv")
def list_trials(columns: ColumnsDep, selection: SelectionDep) -> Response:
    """The chosen trials, one row each, the same columns as ``export``."""
    chosen = selection.mask(columns)
    rows = [
        flat_row(columns.config.name, columns.trials[p], trial_row(columns, p))
        for p in range(len(columns))
        if chosen[p]
    ]
    return table(rows, f"{columns.config.name}-trials")


@router.get("/studies/{study}/{part}.csv")
def list_part(
    request: Request, part: str, columns: ColumnsDep, selection: SelectionDep, context: ContextDep
) -> Response:
    """The table of a part of a study's page."""
    query = dict(request.query_params)
    rows: list[dict[str, Any]]
    if part == "growth":
        rows = growth_rows(columns.growth)
    elif part == "front":
        found = PARTS["front"](columns, selection, context, query)["rows"]
        by_number = {trial.number: trial for trial in columns.trials}
        rows = [flat_row(columns.config.name, by_number[row["number"]], row) for row in found]
    elif part == "effects":
        rows = [
            {
                "parameter": effect.parameter, "value": level.value, "metric": effect.metric,
                "trials": level.trials, "smallest": level.low, "median": level.middle,
                "largest": level.high, "variance_explained": round(effect.share, 4),
                "variance_explained_to_the_model": asked["model"].get(effect.parameter),
            }
            for asked in (PARTS["effects"](columns, selection, context, query),)
            for effect in asked["effects"]
            for level in effect.levels
        ]  # fmt: skip
    elif part == "calibration":
        rows = [
            {"metric": each.metric, **asdict(pair), "is_covered": pair.is_covered}
            for each in PARTS["calibration"](columns, selection, context, query)["calibrations"]
            for pair in each.pairs
        ]
    elif part == "faults":
        rows = [
            {"fault": f.kind, "trials": f.trials, "infeasible": f.infeasible, "what": f.what}
            for f in PARTS["faults"](columns, selection, context, query)["faults"]
        ]
    else:
        raise NotFound(f"there is no table {part[:80]}.csv", fix="go back to the study")
    return table(rows, f"{columns.config.name}-{part}")


@router.get("/studies/{study}/trials/{number}/{chart}.{kind}")
def send_chart(
    study: str,
    number: int,
    chart: str,
    kind: Literal["svg", "csv"],
    columns: ColumnsDep,
    context: ContextDep,
) -> Response:
    """A chart of a trial's page, or the table of the same values."""
    detail = context.studies.detail(study, number)[1]
    name, target = f"{study}-{number}-{chart}", columns.config.target
    if kind == "svg":
        drawing = drawings(detail.measurement, target.part).get(chart)
        if drawing is not None:
            return svg(drawing, name)
    else:
        rows = tables(detail, target).get(chart)
        if rows is not None:
            return table(rows, name)
    raise NotFound(
        f"trial {number} of {study} has no {chart[:80]}.{kind}", fix="go back to the trial"
    )


@router.get("/studies/{study}/trials/{number}/artefacts/{stage}/{name:path}")
def send_artefact(study: str, number: int, stage: str, name: str, context: ContextDep) -> Response:
    """A file that a stage of a trial made."""
    _, detail = context.studies.detail(study, number)
    path = artefact_file(context.cache_root, detail.measurement.artefacts, stage, name)
    if path.suffix == ".log":  # to be read here; with nosniff it stays text whatever is in it
        return FileResponse(path, media_type="text/plain")
    # a download: what a stage wrote is never run as a page of ours
    return FileResponse(
        path, media_type="application/octet-stream", filename=f"{study}-{number}-{path.name}"
    )


def flat_row(study: str, trial: TrialRecord, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of ``export``."""
    return {
        "study": study,
        "trial": trial.number,
        "state": trial.state,
        "fault": row["fault"],
        "on_front": row["verdict"] == "f",
        "suggested_by": trial.suggested_by,
        "fidelity": trial.fidelity,
        "estimates": " ".join(n for n, m in sorted(row["metrics"].items()) if m["estimate"])
        or None,
        "design_id": trial.design_id,
        **trial.design,
        **{name: metric["value"] for name, metric in row["metrics"].items()},
    }


def table(rows: Sequence[Mapping[str, Any]], name: str) -> Response:
    """Return rows as CSV; a column that some rows lack is empty there."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def svg(drawing: Drawing, name: str) -> Response:
    """Return a picture that needs no style sheet of ours."""
    return Response(
        drawing.file(),
        media_type="image/svg+xml",
        headers={
            "Content-Disposition": f'inline; filename="{name}.svg"',
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
