"""Read-only JSON for scripts: the values that the command line prints with ``--json``, and more."""

import gzip
import hashlib
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import HTMLResponse, Response

from dse.dashboard.data.payload import packed_columns
from dse.dashboard.pages.api_answers import (
    COLUMNS,
    EFFECTS,
    FILTERS,
    FRONT,
    GROWTH,
    STATUS,
    STUDIES,
    TRIAL,
    TRIALS,
    answers,
)
from dse.dashboard.pages.downloads import flat_row
from dse.dashboard.pages.parts import PARTS, trial_row
from dse.dashboard.web.context import ColumnsDep, ContextDep, SelectionDep
from dse.output.report import front_data, list_data, listed, status_data
from dse.output.trial_report import show_data
from dse.results.front import pareto_front
from dse.results.growth import growth_rows
from dse.words import json_text

DESCRIPTION = (
    "Read-only JSON. Every answer has an ETag: send it back as If-None-Match and an unchanged"
    ' answer costs 304 and no body. Errors are {"error": what, "fix": what to do}. Filters'
    " (`box=metric:low:high`, `only=parameter:value|value`, `show=front`) are those of the pages."
)


class Refusal(BaseModel):
    """What an error says.

    Attributes:
        error: What is wrong.
        fix: What to do about it.
    """

    error: str
    fix: str


router = APIRouter(
    prefix="/api",
    tags=["studies"],
    responses={
        "4XX": {"model": Refusal, "description": "What is wrong, and what to do."},
        "5XX": {"model": Refusal, "description": "What cannot be read, and what to do."},
    },
)

PageLimit = Annotated[int, Query(ge=1, le=1000, description="Rows in one answer.")]
After = Annotated[int, Query(ge=0, description="Only trials with a larger number.")]


class Json(Response):
    """JSON without spaces, for a schema that says so."""

    media_type = "application/json"


@router.get("", include_in_schema=False)
def show_api(request: Request, context: ContextDep) -> HTMLResponse:
    """The description of this interface as a page that needs no network."""
    schema = request.app.openapi()
    return context.pages.respond(request, "api.html", schema=schema)


@router.get("/studies", response_class=Json, responses=answers(STUDIES))
def list_studies(
    request: Request,
    context: ContextDep,
    archived: Annotated[bool, Query(description="Those that were put away, too.")] = False,
    tag: Annotated[str, Query(description="Only studies with this tag.")] = "",
) -> Response:
    """The studies with their trials by state: `list --json`."""
    summaries = context.studies.reader().summaries()
    tags = [tag] if tag else []
    return answer(request, list_data(listed(summaries, tags=tags, with_archived=archived)))


@router.get("/studies/{study}", response_class=Json, responses=answers(STATUS))
def study_status(request: Request, columns: ColumnsDep) -> Response:
    """Where a study stands and what went wrong: `status STUDY --json`."""
    return answer(request, status_data(columns))


@router.get("/studies/{study}/front", response_class=Json, responses=answers(FRONT))
def study_front(request: Request, columns: ColumnsDep) -> Response:
    """The Pareto front of a study: `front STUDY --json`."""
    return answer(request, front_data(pareto_front(columns), columns.config))


@router.get(
    "/studies/{study}/trials", response_class=Json, responses=answers(TRIALS), openapi_extra=FILTERS
)
def list_trials(
    request: Request,
    columns: ColumnsDep,
    selection: SelectionDep,
    after: After = 0,
    limit: PageLimit = 100,
) -> Response:
    """The chosen trials, by number, one page of them: the columns of `export`.

    `next` is what to send as `after` for the next page, null on the last one.
    """
    chosen = selection.mask(columns) & (columns.numbers > after)
    positions = chosen.nonzero()[0].tolist()
    shown = positions[:limit]
    standing = selection.standing(columns)
    rows = [
        flat_row(columns.config.name, columns.trials[p], trial_row(columns, p, standing))
        for p in shown
    ]
    last = columns.trials[shown[-1]].number if len(positions) > limit else None
    return answer(request, {"trials": rows, "next": last})


@router.get("/studies/{study}/trials/{number}", response_class=Json, responses=answers(TRIAL))
def show_trial(
    request: Request, study: str, number: int, columns: ColumnsDep, context: ContextDep
) -> Response:
    """Everything about one trial: `show STUDY TRIAL --json`."""
    _, detail = context.studies.detail(study, number)
    return answer(request, show_data(detail, columns.config.target))


@router.get(
    "/studies/{study}/columns",
    response_class=Json,
    responses=answers(COLUMNS),
    openapi_extra=FILTERS,
)
async def study_columns(
    request: Request,
    columns: ColumnsDep,
    selection: SelectionDep,
    context: ContextDep,
    most: Annotated[
        int | None,
        Query(ge=1, description="Send a sample of so many trials, the whole front among them."),
    ] = None,
) -> Response:
    """All trials as columns, for charts: one letter a parameter, `0` the first of its values.

    `omitted` is how many trials a sample leaves out; the front of a selection is not left out.
    """
    content, tag = await to_thread.run_sync(
        packed_columns, columns, most, selection, limiter=context.heavy
    )
    if is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Json(content, headers=headers | {"Content-Encoding": "gzip"})
    return Json(gzip.decompress(content), headers=headers)


@router.get("/studies/{study}/growth", response_class=Json, responses=answers(GROWTH))
def study_growth(request: Request, columns: ColumnsDep) -> Response:
    """How the hypervolume grew, one row for each trial that made it larger."""
    found = columns.growth
    reference = None if found is None else list(found.reference)
    return answer(request, {"reference": reference, "growth": growth_rows(found)})


@router.get(
    "/studies/{study}/effects",
    response_class=Json,
    responses=answers(EFFECTS),
    openapi_extra=FILTERS,
)
def study_effects(
    request: Request,
    columns: ColumnsDep,
    selection: SelectionDep,
    context: ContextDep,
    effect: Annotated[str, Query(description="The metric; the first objective if empty.")] = "",
) -> Response:
    """How parameters go with a metric, those that chance hardly explains, the strongest first.

    `trials` stand behind it; of `not_told_from_chance` nothing can be said.
    """
    found = PARTS["effects"](columns, selection, context, {"effect": effect} if effect else {})
    rows = [
        {
            "parameter": e.parameter,
            "metric": e.metric,
            "variance_explained": e.share,
            "together_with": list(e.together),
            "levels": [
                {
                    "value": x.value,
                    "trials": x.trials,
                    "smallest": x.low,
                    "median": x.middle,
                    "largest": x.high,
                }
                for x in e.levels
            ],
        }
        for e in found["effects"]
    ]
    said = {"metric": found["metric"], "trials": found["counted"], "effects": rows}
    return answer(request, said | {"not_told_from_chance": list(found["untold"])})


def answer(request: Request, data: Any) -> Response:
    """Return data as JSON, or 304 when the asker has it already."""
    text = json_text(data)
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
    if is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Json(text, headers={"ETag": tag})


def is_known(request: Request, tag: str) -> bool:
    """Tell whether the asker has an answer already."""
    known = [part.strip() for part in request.headers.get("if-none-match", "").split(",")]
    # packing on the way may have made it a weak one
    return "*" in known or tag in [part.removeprefix("W/") for part in known]
