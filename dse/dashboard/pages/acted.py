"""What forms that act have in common: who may send one, what is answered, what is written down.

A form has the header ``Authorization``, as ``act.js`` sends it, and is answered with JSON:
``done``, what came of it, and ``page``, where that can be seen. It leaves a row in the database's
table ``audit``, also where it failed.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from starlette.responses import Response

from contracts.faults import DseError
from dse.dashboard.web.context import Context
from dse.dashboard.web.security import is_from_here
from dse.store import AuditRecord, Store
from dse.words import json_text


async def acting_form(request: Request) -> dict[str, str]:
    """Return the form of a request that may act.

    Raises:
        HTTPException: 403, with the reason.
    """
    if not request.scope["state"]["may_act"]:
        raise HTTPException(403, "acting needs the token: open the address that was printed last")
    if not is_from_here(request.headers):
        raise HTTPException(403, "the request comes from a page of another site")
    return {name: str(value) for name, value in (await request.form()).items()}


def done(
    context: Context,
    request: Request,
    study: str,
    action: str,
    detail: dict[str, Any],
    act: Callable[[Store], str],
    *,
    page: str | None = None,
) -> Response:
    """Call ``act``, record its outcome in ``audit``, and answer with it.

    What came of it can be seen at ``page``, by default the study's.

    Raises:
        DseError: What ``act`` raised, recorded too.
    """
    client = request.client.host if request.client else "unknown"
    with Store(context.studies.place) as store:
        try:
            outcome = act(store)
        except DseError as error:
            _record(store, context, client, action, study, detail, f"failed: {error.what}")
            raise
        _record(store, context, client, action, study, detail, f"done: {outcome}")
    page = study_page(study) if page is None else page
    return Response(json_text({"done": outcome, "page": page}), media_type="application/json")


def study_page(study: str) -> str:
    """Return the address of a study's page."""
    return f"/studies/{quote(study, safe='')}"


def _record(
    store: Store,
    context: Context,
    client: str,
    action: str,
    study: str,
    detail: dict[str, Any],
    outcome: str,
) -> None:
    store.record_audit(
        AuditRecord(
            time_s=context.now_s(),
            client=client,
            action=action,
            study=study,
            detail=detail,
            outcome=outcome,
        )
    )
