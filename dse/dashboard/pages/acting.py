"""The routes that change a study: resume, stop, queue a design; and the page that lists such acts.

Each takes a form of our own pages from a browser that has the token, and leaves a row in the
database's table ``audit``, also where it failed.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from contracts.belief import BY_HAND as REASON_BY_HAND
from contracts.belief import Belief
from contracts.faults import ConfigError, DseError
from contracts.parameter import Value
from dse import program
from dse.config import StudyConfig
from dse.config.known_space import KnownSpace, known_space, stored_code
from dse.config.trust import require_trust
from dse.dashboard.web.context import ColumnsDep, Context, ContextDep
from dse.dashboard.web.security import is_from_here
from dse.program import log_of
from dse.results.columns import StudyColumns
from dse.space import Design, Space
from dse.space.declarations import is_active
from dse.store import BY_HAND, NOTIFY, AuditRecord, NewTrial, Store
from dse.words import design_text, value_text
from runners.tools import child

router = APIRouter(include_in_schema=False)


class Resumer:
    """Goes on with studies, each in a process of its own.

    The process is ``python -m dse.study resume`` in its own session: it outlives the dashboard,
    and writes to a log beside the database.

    Args:
        database: The database of the studies.

    Attributes:
        started: The last process of each study.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, study: str) -> str:
        """Start a process for a study unless the last one runs; say which it is, and its log."""
        log = log_of(self._database, study)
        known = self.started.get(study)
        if known is not None and known.poll() is None:
            return f"process {known.pid} is at it already, its log is {log}"
        with log.open("ab") as output:
            process = child.start(
                [sys.executable, "-m", "dse.study", "resume", study, "--db", str(self._database)],
                is_tied=False,
                stdout=output,
                stderr=output,
            )
        self.started[study] = process
        return f"process {process.pid} was started, its log is {log}"


@router.post("/studies/{study}/resume")
async def resume_study(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Queue failed trials again, take back a wish to stop, and run if nobody does."""
    await _form(request, context)
    name, now_s = columns.config.name, context.now_s()

    def act(store: Store) -> str:
        running = context.studies.running(columns.id, now_s=now_s)
        if not running:
            _require_trust(store, context, columns)
        queued = store.requeue(columns.id, context=_last_context(context, columns), now_s=now_s)
        store.request_stop(columns.id, now_s=None)
        workers = "a running process takes them" if running else context.resume(name)
        return f"{queued} failed trials are queued again; {workers}"

    return await run_in_threadpool(_done, context, request, name, "resume", {}, act)


@router.post("/studies/{study}/stop")
async def stop_study(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Let running trials end and start no other."""
    await _form(request, context)

    def act(store: Store) -> str:
        store.request_stop(columns.id, now_s=context.now_s())
        return "no further trial is started; those that run go on to their end"

    return await run_in_threadpool(_done, context, request, columns.config.name, "stop", {}, act)


@router.get("/studies/{study}/queue")
def show_queue_form(
    request: Request, columns: ColumnsDep, context: ContextDep, like: int | None = None
) -> HTMLResponse:
    """A form with one field for each parameter, filled in with a trial's design."""
    known = _known_space(context, columns)
    position = None if like is None else columns.index_of(like)
    design: Mapping[str, Value] = (
        known.default.values if position is None else columns.trials[position].design
    )
    return _queue_page(context, request, columns, known, design, like=like)


@router.post("/studies/{study}/queue")
async def queue_design(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Queue a design by hand; the space of the study decides whether it is one.

    Rules of a user's own families are decided by the process that runs the study.
    """
    form = await _form(request, context)
    config = columns.config
    known = await run_in_threadpool(_known_space, context, columns)
    wishes = _wishes(known.space, form)
    try:
        design = chosen_design(known.space, wishes)
    except ConfigError as error:
        return _queue_page(context, request, columns, known, wishes, fault=error, status_code=400)

    def act(store: Store) -> str:
        is_to_start = form.get("start") == "yes"
        running = context.studies.running(columns.id, now_s=context.now_s())
        if is_to_start and not running:
            _require_trust(store, context, columns)
        added = store.add_trials(
            columns.id,
            [_new_trial(design, config)],
            context=_last_context(context, columns),
            budget=None,
            now_s=context.now_s(),
        )
        if not added:
            there = store.trial_of_design(columns.id, design.id)
            return f"nothing is queued: the study has this design already, as trial {there}"
        (trial,) = added
        if not is_to_start:
            return f"queued as trial {trial.number}; a running study takes it, `resume` starts one"
        workers = "a running process takes it" if running else context.resume(config.name)
        return f"queued as trial {trial.number}; {workers}"

    asked = {"design": design_text(design.values)}
    return await run_in_threadpool(_done, context, request, config.name, "queue", asked, act)


@router.get("/audit")
def show_audit(request: Request, context: ContextDep) -> HTMLResponse:
    """What people did through the dashboard."""
    entries = context.studies.reader().audits(limit=200)
    return context.pages.respond(request, "audit.html", entries=entries)


def last_outcome(context: Context, study: str) -> str:
    """Return what came of the last act on a study, or nothing."""
    entries = context.studies.reader().audits(study=study)
    return next((entry.outcome for entry in entries if entry.action != NOTIFY), "")


def chosen_design(space: Space, wishes: Mapping[str, Value]) -> Design:
    """Return the design with these values; those of parameters that do not exist are dropped.

    Raises:
        ConfigError: The values are not a design of the space; the message names the rule.
    """
    active: dict[str, Value] = {}
    for parameter in space.parameters:
        if parameter.name in wishes and is_active(parameter, active):
            active[parameter.name] = wishes[parameter.name]
    return space.design(active)


def _known_space(context: Context, columns: StudyColumns) -> KnownSpace:
    """Return what is stored of a study's space; looking at it runs nobody's code.

    Raises:
        ConfigError: Nothing is stored, and the space depends on the user's own families.
    """
    name = columns.config.name
    with Store(context.studies.path) as store:
        known = known_space(columns.config, store.study(name).space_json)
    if known is None:
        raise ConfigError(
            f"the space of study {name} is not known until the study is resumed: an older version"
            " started it, and its CFU families are code, which looking does not run",
            fix=f"{program.name()} resume {name} --db {context.shown_db}",
        )
    return known


def _require_trust(store: Store, context: Context, columns: StudyColumns) -> None:
    """Refuse to start a process that would run code that this user has not agreed to."""
    name = columns.config.name
    require_trust(
        columns.config,
        before=stored_code(store.study(name).space_json),
        command=f"{program.name()} resume {name} --db {context.shown_db}",
        runs_hooks=True,
    )


def _queue_page(
    context: Context,
    request: Request,
    columns: StudyColumns,
    known: KnownSpace,
    design: Mapping[str, Value],
    *,
    like: int | None = None,
    fault: ConfigError | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    return context.pages.respond(
        request,
        "queue.html",
        status_code=status_code,
        study=columns.config.name,
        config=columns.config,
        parameters=known.space.parameters,
        rules=known.space.rules,
        undecided=known.undecided,
        design=known.space.flattened(Design(design)) if design else {},
        like=like,
        fault=fault,
    )


async def _form(request: Request, context: Context) -> dict[str, str]:
    """Return the form of a request that may act.

    Raises:
        HTTPException: 403, with the reason.
    """
    if not request.scope["state"]["may_act"]:
        raise HTTPException(403, "acting needs the token: open the address printed at the start")
    if not is_from_here(request.headers):
        raise HTTPException(403, "the request comes from a page of another site")
    form = {name: str(value) for name, value in (await request.form()).items()}
    if not context.access.is_form_token(form.get("form_token")):
        raise HTTPException(403, "the form is not one of this dashboard; reload its page")
    return form


def _done(
    context: Context,
    request: Request,
    study: str,
    action: str,
    detail: dict[str, Any],
    act: Callable[[Store], str],
) -> Response:
    """Call ``act``, record its outcome in ``audit``, and send the browser to the study's page.

    Raises:
        DseError: What ``act`` raised, recorded too.
    """
    client = request.client.host if request.client else "unknown"
    with Store(context.studies.path) as store:
        try:
            outcome = act(store)
        except DseError as error:
            _record(store, context, client, action, study, detail, f"failed: {error.what}")
            raise
        _record(store, context, client, action, study, detail, f"done: {outcome}")
    return RedirectResponse(f"/studies/{study}?done={action}", status_code=303)


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


def _wishes(space: Space, form: Mapping[str, str]) -> dict[str, Value]:
    """Return the values of a form; texts that are no value of a parameter are left out."""
    return {
        parameter.name: value
        for parameter in space.parameters
        for value in parameter.values
        if form.get(f"design-{parameter.name}") == value_text(value)
    }


def _new_trial(design: Design, config: StudyConfig) -> NewTrial:
    return NewTrial(
        design_id=design.id,
        design_json=design.canonical,
        suggested_by=BY_HAND,
        fidelity=config.first_fidelity,
        belief=Belief(reason=REASON_BY_HAND),
    )


def _last_context(context: Context, columns: StudyColumns) -> str:
    """Return the context of the newest trial; whoever resumes moves waiting trials to its own."""
    return context.studies.reader().last_context(columns.id)
