"""The routes that change a study, and the page that lists what they did.

Each takes a form and answers as ``acted`` says.
"""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from contracts.belief import BY_HAND as REASON_BY_HAND
from contracts.belief import Belief
from contracts.faults import ConfigError, NotFound
from contracts.parameter import Value
from dse.config import StudyConfig
from dse.config.known_space import KnownSpace, known_space, stored_code
from dse.config.trust import hooks_of, require_trust
from dse.dashboard.pages.acted import acting_form, done, study_page
from dse.dashboard.web.context import ColumnsDep, Context, ContextDep
from dse.results.columns import StudyColumns
from dse.space import Design, Space
from dse.space.declarations import is_active
from dse.store import BY_HAND, NewTrial, Remark, Store
from dse.words import design_text, plural, value_text

router = APIRouter(include_in_schema=False)


@router.post("/studies/{study}/resume")
async def resume_study(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Queue failed trials again, take back a wish to stop, and run if nobody does."""
    await acting_form(request)
    name, now_s = columns.config.name, context.now_s()

    def act(store: Store) -> str:
        is_worked_on = context.studies.is_worked_on(name, now_s=now_s)
        if not is_worked_on:
            _require_trust(store, context, columns)
        queued = store.requeue(columns.id, context=_last_context(context, columns), now_s=now_s)
        store.request_stop(columns.id, now_s=None)
        workers = "a running process goes on" if is_worked_on else context.processes.resume(name)
        again = f"{plural(queued, 'failed trial')} queued again; " if queued else ""
        return f"{again}{workers}"

    return await run_in_threadpool(done, context, request, name, "resume", {}, act)


@router.post("/studies/{study}/stop")
async def stop_study(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Let running trials end and start no other."""
    await acting_form(request)

    def act(store: Store) -> str:
        store.request_stop(columns.id, now_s=context.now_s())
        return "no further trial is started; those that run go on to their end"

    return await run_in_threadpool(done, context, request, columns.config.name, "stop", {}, act)


@router.post("/studies/{study}/trials/{number}/withdraw")
async def withdraw_trial(
    request: Request, number: int, columns: ColumnsDep, context: ContextDep
) -> Response:
    """Take a waiting trial back before it runs."""
    await acting_form(request)
    name = columns.config.name
    _require_trial(columns, number)

    def act(store: Store) -> str:
        if store.withdraw(columns.id, number, now_s=context.now_s()):
            return f"trial {number} was taken back; queue its design again to have it"
        state = store.detail(store.study(name), number).result.trial.state
        raise ConfigError(
            f"trial {number} is {state}: only one that waits can be taken back",
            fix="cancel it, or let it end",
        )

    asked = {"trial": number}
    return await run_in_threadpool(done, context, request, name, "withdraw", asked, act)


@router.post("/studies/{study}/trials/{number}/cancel")
async def cancel_trial(
    request: Request, number: int, columns: ColumnsDep, context: ContextDep
) -> Response:
    """End a trial that waits or runs; whoever runs it hears of it within a second or so."""
    await acting_form(request)
    name = columns.config.name
    _require_trial(columns, number)

    def act(store: Store) -> str:
        was = store.cancel(columns.id, number, now_s=context.now_s())
        if was is not None:
            return f"trial {number}, which was {was}, is cancelled; queue its design to have it"
        state = store.detail(store.study(name), number).result.trial.state
        raise ConfigError(
            f"trial {number} is {state}: only one that waits or runs can be cancelled",
            fix="reload the page, its result is stored already",
        )

    asked = {"trial": number}
    return await run_in_threadpool(done, context, request, name, "cancel", asked, act)


@router.post("/studies/{study}/remark")
async def remark_on_study(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Write a note and tags beside a study, instead of those that are there."""
    form = await acting_form(request)
    name = columns.config.name
    act = _remarking(columns, None, form)
    return await run_in_threadpool(done, context, request, name, "note", {}, act)


@router.post("/studies/{study}/trials/{number}/remark")
async def remark_on_trial(
    request: Request, number: int, columns: ColumnsDep, context: ContextDep
) -> Response:
    """Write a note and tags beside a trial, instead of those that are there."""
    form = await acting_form(request)
    name = columns.config.name
    _require_trial(columns, number)
    act, asked = _remarking(columns, number, form), {"trial": number}
    return await run_in_threadpool(
        done, context, request, name, "note", asked, act, page=f"{study_page(name)}/trials/{number}"
    )


@router.post("/studies/{study}/archive", name="archive")
@router.post("/studies/{study}/unarchive", name="unarchive")
async def put_away(request: Request, columns: ColumnsDep, context: ContextDep) -> Response:
    """Put a study away, so that the list of studies leaves it out, or let that have it again."""
    await acting_form(request)
    name, action = columns.config.name, request.scope["route"].name

    def put(store: Store) -> str:
        if action == "unarchive":
            store.unarchive_study(name)
            return "the list of studies has it again"
        store.archive_study(name, now_s=context.now_s())
        return "the list of studies leaves it out; Resume brings it back"

    return await run_in_threadpool(done, context, request, name, action, {}, put)


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
    form = await acting_form(request)
    name = columns.config.name
    known = await run_in_threadpool(_known_space, context, columns)
    design = chosen_design(known.space, _wishes(known.space, form))

    def act(store: Store) -> str:
        is_to_start = form.get("start") == "yes"
        is_worked_on = context.studies.is_worked_on(name, now_s=context.now_s())
        if is_to_start and not is_worked_on:
            _require_trust(store, context, columns)
        queued, told = _queue(store, context, columns, design)
        if not queued:
            return told
        if is_worked_on:
            return f"{told}; a running process takes it"
        if is_to_start:
            return f"{told}; {context.processes.resume(name)}"
        return f"{told}; nothing runs this study: Resume starts a process that takes it"

    asked = {"design": design_text(design.values)}
    return await run_in_threadpool(done, context, request, name, "queue", asked, act)


def _queue(
    store: Store, context: Context, columns: StudyColumns, design: Design
) -> tuple[bool, str]:
    """Queue a design unless the study has it; return whether it is queued, and what to say."""
    under, now_s = _last_context(context, columns), context.now_s()
    new = [_new_trial(design, columns.config)]
    added = store.add_trials(columns.id, new, context=under, budget=None, now_s=now_s)
    if added:
        return True, f"queued as trial {added[0].number}"
    number = store.trial_of_design(columns.id, design.id)
    assert number is not None, "add_trials leaves out only what is there"
    if store.queue_withdrawn(columns.id, number, context=under, now_s=now_s):
        return True, f"trial {number}, which was taken back, is queued again"
    state = store.detail(store.study(columns.config.name), number).result.trial.state
    return False, f"nothing was queued: trial {number} has this design already, it is {state}"


@router.get("/audit")
def show_audit(request: Request, context: ContextDep) -> HTMLResponse:
    """What people did through the dashboard."""
    entries = context.studies.reader().audits(limit=200)
    return context.pages.respond(request, "audit.html", entries=entries)


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


def _require_trial(columns: StudyColumns, number: int) -> None:
    if columns.index_of(number) is None:
        raise NotFound(f"study {columns.config.name} has no trial {number}", fix="reload the page")


def _remarking(
    columns: StudyColumns, number: int | None, form: Mapping[str, str]
) -> Callable[[Store], str]:
    """Return the act that writes what a form has beside a study, or one of its trials."""
    wanted = Remark(
        note=form.get("note", ""), tags=tuple(form.get("tags", "").replace(",", " ").split())
    )

    def act(store: Store) -> str:
        written = store.remark(columns.id, number, lambda _old: wanted)
        return "note and tags are written" if written != Remark() else "note and tags are removed"

    return act


def _known_space(context: Context, columns: StudyColumns) -> KnownSpace:
    """Return what is stored of a study's space; looking at it runs nobody's code.

    Raises:
        ConfigError: Nothing is stored, and the space depends on the user's own families.
    """
    name = columns.config.name
    known = known_space(columns.config, context.studies.reader().study(name).space_json)
    if known is None:
        raise ConfigError(
            f"the space of study {name} is not known until the study is resumed: an older version"
            " started it, and its CFU families are code, which looking does not run",
            fix=context.command("resume", name),
        )
    return known


def _require_trust(store: Store, context: Context, columns: StudyColumns) -> None:
    """Refuse to start a process that would run code that this user has not agreed to."""
    name = columns.config.name
    require_trust(
        columns.config,
        before=stored_code(store.study(name).space_json),
        command=context.command("resume", name),
        also=hooks_of(columns.config),
    )


def _queue_page(
    context: Context,
    request: Request,
    columns: StudyColumns,
    known: KnownSpace,
    design: Mapping[str, Value],
    *,
    like: int | None,
) -> HTMLResponse:
    return context.pages.respond(
        request,
        "queue.html",
        study=columns.config.name,
        config=columns.config,
        parameters=known.space.parameters,
        rules=known.space.rules,
        undecided=known.undecided,
        command=context.command("resume", columns.config.name),
        design=known.space.flattened(Design(design)) if design else {},
        like=like,
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
