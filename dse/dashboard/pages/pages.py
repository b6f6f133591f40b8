"""The routes of the pages, of their parts, of event streams and of scripts and styles.

Each page is one template, filled with what ``parts``, ``trial`` or ``compare`` return.
"""

from shlex import quote as quoted
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response, StreamingResponse

from contracts.faults import NotFound
from dse.dashboard.data.payload import MOST_DRAWN
from dse.dashboard.pages.compare import compare_context
from dse.dashboard.pages.parts import PARTS, study_context
from dse.dashboard.pages.trial import standing_of, trial_context
from dse.dashboard.web.context import ColumnsDep, Context, ContextDep, SelectionDep
from dse.dashboard.web.events import list_events, study_events
from dse.output.disks import disks_of
from dse.output.document import Document, document_body, document_html
from dse.output.morning import front_svg, morning_document
from dse.results.columns import StudyColumns
from dse.results.morning import morning_from
from dse.store import folders_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def show_studies(
    request: Request,
    context: ContextDep,
    archived: Literal["no", "yes"] = "no",
    tag: str = "",
) -> HTMLResponse:
    """The studies of the database that are not archived, or all; those with a tag, or all."""
    lines = context.studies.lines(now_s=context.now_s())
    shown = [
        line
        for line in lines
        if (archived == "yes" or not line.is_archived) and (not tag or tag in line.remark.tags)
    ]
    return context.pages.respond(
        request,
        "studies.html",
        lines=shown,
        known=len(lines),
        archived=sum(line.is_archived for line in lines),
        with_archived=archived == "yes",
        tag=tag,
        query=urlencode({"archived": archived} | ({"tag": tag} if tag else {})),
    )


@router.get("/studies/{study}")
def show_study(
    request: Request, columns: ColumnsDep, selection: SelectionDep, context: ContextDep
) -> HTMLResponse:
    """One study with all its parts."""
    query = dict(request.query_params)
    parts = {name: make(columns, selection, context, query) for name, make in PARTS.items()}
    wanted = urlencode([("most", MOST_DRAWN), *(("derive", text) for text in selection.derive)])
    return context.pages.respond(
        request,
        "study.html",
        parts=parts,
        columns_url=f"/api/studies/{quote(columns.config.name, safe='')}/columns?{wanted}",
        **study_context(columns, selection),
    )


@router.get("/studies/{study}/parts/{part}")
def show_part(
    request: Request,
    part: str,
    columns: ColumnsDep,
    selection: SelectionDep,
    context: ContextDep,
) -> HTMLResponse:
    """One part of a study's page, to be put in the place of the old one."""
    if part not in PARTS:
        raise NotFound(f"there is no part {part[:80]!r}", fix=f"use one of: {', '.join(PARTS)}")
    found = PARTS[part](columns, selection, context, dict(request.query_params))
    return context.pages.respond(
        request,
        f"parts/{part}.html",
        parts={part: found},
        **study_context(columns, selection),
    )


@router.get("/studies/{study}/trials/{number}")
def show_trial(
    request: Request, number: int, columns: ColumnsDep, context: ContextDep
) -> HTMLResponse:
    """Everything about one trial."""
    return context.pages.respond(request, "trial.html", **trial_context(context, columns, number))


@router.get("/studies/{study}/trials/{number}/standing")
def show_standing(
    request: Request, number: int, columns: ColumnsDep, context: ContextDep, seen: str = ""
) -> HTMLResponse:
    """What runs of a trial now; where it stands as it was not seen, the page is loaded again."""
    name = columns.config.name
    standing = standing_of(context, columns, context.studies.detail(name, number)[1])
    answer = context.pages.respond(
        request, "parts/standing.html", base=f"/studies/{quote(name, safe='')}", **standing
    )
    if standing["standing"] != seen:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/studies/{study}/report")
def show_report(
    request: Request, columns: ColumnsDep, context: ContextDep, hours: float | None = None
) -> HTMLResponse:
    """What the last night brought; the same document as of the command ``report``."""
    document = _report(columns, context, hours, with_picture=False)
    return context.pages.respond(
        request, "report.html", study=columns.config.name, report=Markup(document_body(document))
    )


@router.get("/studies/{study}/report.html")
def send_report(
    columns: ColumnsDep, context: ContextDep, hours: float | None = None
) -> HTMLResponse:
    """The same with the front's picture as one file that needs no other, to be sent to somebody."""
    document = _report(columns, context, hours, with_picture=True)
    name = f"{columns.config.name}-report.html"
    return HTMLResponse(
        document_html(document),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _report(
    columns: StudyColumns, context: Context, hours: float | None, *, with_picture: bool
) -> Document:
    database = context.studies.place
    morning = morning_from(context.studies.reader(), columns, hours=hours, now_s=context.now_s())
    disks = disks_of({**folders_of(database), "cache": context.cache_root})
    return morning_document(
        morning,
        disks,
        with_db=f" --db {quoted(context.shown_db)}",
        picture=front_svg(morning) if with_picture else "",
    )


@router.get("/studies/{study}/compare")
def show_comparison(
    request: Request,
    columns: ColumnsDep,
    context: ContextDep,
    trials: Annotated[list[str] | None, Query()] = None,
) -> HTMLResponse:
    """Two to four trials side by side."""
    return context.pages.respond(
        request, "compare.html", **compare_context(context, columns, trials or [])
    )


@router.get("/events")
async def send_list_events(context: ContextDep) -> Response:
    """Tell when the list of studies changes."""
    events = list_events(context.studies, context.watch, now_s=context.now_s)
    return StreamingResponse(events, media_type="text/event-stream")


@router.get("/studies/{study}/events")
async def send_study_events(
    request: Request, study: str, context: ContextDep, seen: str = ""
) -> Response:
    """Tell what changes in a study."""
    last_id = request.headers.get("last-event-id", seen)
    events = study_events(
        context.studies, context.watch, study, last_id=last_id, now_s=context.now_s
    )
    return StreamingResponse(events, media_type="text/event-stream")


@router.get("/static/{version}/{name:path}")
async def send_asset(request: Request, version: str, name: str, context: ContextDep) -> Response:
    """Send a script, a style or a picture."""
    return context.assets.respond(request, version, name)


@router.get("/favicon.ico")
async def send_icon(request: Request, context: ContextDep) -> Response:
    """Send the icon where browsers look for one unasked."""
    return context.assets.respond(request, context.assets.version, "icon.svg")
