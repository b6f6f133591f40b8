"""Files: every table as CSV, every chart as SVG, the front as PNG, artefacts as they are.

What grows with a study is made a piece at a time, and few pieces at the same time for everybody
(``Context.heavy``): twenty downloads of a large study take longer, and no page waits for them.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from contracts.faults import NotFound
from dse.dashboard.data.selection import Selection
from dse.dashboard.drawing.front import front_picture
from dse.dashboard.pages.artefacts import artefact_file
from dse.dashboard.pages.parts import PARTS, trial_row
from dse.dashboard.pages.trial import drawings, tables
from dse.dashboard.web.context import ColumnsDep, Context, ContextDep, SelectionDep
from dse.output.drawing.png import rasterise
from dse.output.drawing.svg import Drawing
from dse.output.export import plain_cell
from dse.results.columns import StudyColumns
from dse.results.growth import growth_rows
from dse.store import TrialRecord

router = APIRouter(include_in_schema=False)

_ROWS_AT_ONCE = 200
_BASE = (
    "study", "trial", "state", "fault", "on_front", "suggested_by", "fidelity", "estimates",
    "design_id", "tags", "note",
)  # fmt: skip


@router.get("/studies/{study}/front.svg")
async def draw_front(columns: ColumnsDep, selection: SelectionDep, context: ContextDep) -> Response:
    """The front as a picture."""
    drawing = await to_thread.run_sync(front_picture, columns, selection, limiter=context.heavy)
    return svg(drawing, f"{columns.config.name}-front")


@router.get("/studies/{study}/front.png")
async def send_front(columns: ColumnsDep, selection: SelectionDep, context: ContextDep) -> Response:
    """The same as pixels, for who takes no SVG."""

    def draw() -> bytes:
        return rasterise(front_picture(columns, selection))

    content = await to_thread.run_sync(draw, limiter=context.heavy)
    name = f"{columns.config.name}-front.png"
    return Response(
        content,
        media_type="image/png",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


@router.get("/studies/{study}/{part}.svg")
async def draw_part(
    request: Request, part: str, columns: ColumnsDep, selection: SelectionDep, context: ContextDep
) -> Response:
    """The chart of a part of a study's page."""
    found = {}
    if part in PARTS:
        make = partial(PARTS[part], columns, selection, context, dict(request.query_params))
        found = await to_thread.run_sync(make, limiter=context.heavy)
    if found.get("fault") is not None:
        raise found["fault"]
    if found.get("drawing") is None:
        raise NotFound(f"there is no picture {part[:80]}.svg", fix="go back to the study")
    return svg(found["drawing"], f"{columns.config.name}-{part}")


@router.get("/studies/{study}/trials.csv")
async def list_trials(
    columns: ColumnsDep, selection: SelectionDep, context: ContextDep
) -> Response:
    """The chosen trials, one row each, the same columns as ``export``."""
    chosen, standing = selection.mask(columns), selection.standing(columns)
    rows = (
        flat_row(columns.config.name, columns.trials[p], trial_row(columns, p, standing))
        for p in chosen.nonzero()[0].tolist()
    )
    names = [*_BASE, *columns.parameters, *columns.metrics]
    return _stream(context, table(names, rows), f"{columns.config.name}-trials")


@router.get("/studies/{study}/{part}.csv")
async def list_part(
    request: Request, part: str, columns: ColumnsDep, selection: SelectionDep, context: ContextDep
) -> Response:
    """The table of a part of a study's page."""
    query = dict(request.query_params)
    make = partial(_rows_of, part, columns, selection, context, query)
    rows = await to_thread.run_sync(make, limiter=context.heavy)
    return _stream(context, table(_names(rows), rows), f"{columns.config.name}-{part}")


def _rows_of(
    part: str,
    columns: StudyColumns,
    selection: Selection,
    context: Context,
    query: Mapping[str, str],
) -> list[dict[str, Any]]:
    if part == "growth":
        return growth_rows(columns.growth)
    if part == "course":
        return list(PARTS["course"](columns, selection, context, query)["rows"])
    if part == "front":
        found = PARTS["front"](columns, selection, context, query)["rows"]
        by_number = {trial.number: trial for trial in columns.trials}
        return [flat_row(columns.config.name, by_number[row["number"]], row) for row in found]
    if part == "interactions":
        asked = PARTS["interactions"](columns, selection, context, query)
        found = asked["found"]
        named = {"across": found.across, "down": found.down} if found else {}
        return [
            {named.get(name, name): value for name, value in row.items()} | {"metric": found.metric}
            for row in asked["rows"]
        ]
    if part == "timeline":
        asked = PARTS["timeline"](columns, selection, context, query)
        if asked["fault"] is not None:
            raise asked["fault"]
        night = asked["timeline"]
        return [
            {
                "worker": lane.worker, "trial": attempt.trial, "attempt": attempt.attempt,
                "outcome": attempt.outcome, "stage": span.stage, "start_s": round(span.start_s, 3),
                "end_s": round(span.end_s, 3), "cached": span.is_cached,
            }
            for lane in (night.lanes if night else ())
            for attempt in lane.attempts
            for span in attempt.stages
        ]  # fmt: skip
    if part == "fronts":
        return list(PARTS["fronts"](columns, selection, context, query)["rows"])
    if part == "effects":
        asked = PARTS["effects"](columns, selection, context, query)
        return [
            {
                "parameter": effect.parameter, "value": level.value, "metric": effect.metric,
                "trials": level.trials, "smallest": level.low, "median": level.middle,
                "largest": level.high, "variance_explained": round(effect.share, 4),
                "together_with": " ".join(effect.together) or None,
                "variance_explained_to_the_model": asked["model"].get(effect.parameter),
            }
            for effect in asked["effects"]
            for level in effect.levels
        ]  # fmt: skip
    if part == "calibration":
        return [
            {"metric": each.metric, **asdict(pair), "is_covered": pair.is_covered}
            for each in PARTS["calibration"](columns, selection, context, query)["calibrations"]
            for pair in each.pairs
        ]
    if part == "faults":
        return [
            {"fault": f.kind, "trials": f.trials, "infeasible": f.infeasible, "what": f.what}
            for f in PARTS["faults"](columns, selection, context, query)["faults"]
        ]
    raise NotFound(f"there is no table {part[:80]}.csv", fix="go back to the study")


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
            return _stream(context, table(_names(rows), rows), name)
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
        "tags": " ".join(row["tags"]) or None,
        "note": row["note"] or None,
        **trial.design,
        **{name: metric["value"] for name, metric in row["metrics"].items()},
    }


def table(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write rows as CSV, some at a time; what a row lacks is empty there."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([plain_cell(name) for name in names])
    rows = iter(rows)
    while several := list(islice(rows, _ROWS_AT_ONCE)):
        writer.writerows([plain_cell(row.get(name)) for name in names] for row in several)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue()


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _stream(context: Context, pieces: Iterator[str], name: str) -> Response:
    async def send() -> AsyncIterator[str]:
        # a slow reader holds no place: only making a piece takes one
        while piece := await to_thread.run_sync(next, pieces, "", limiter=context.heavy):
            yield piece

    return StreamingResponse(
        send(),
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
