"""Starting a study in the browser: which configs there are, what one would do, and doing it.

Looking runs no code that a config names. Where the user has not agreed to such code, starting is
refused with the files and the command, as everywhere on the dashboard.
"""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from contracts.faults import ConfigError, ConfigMistakes, DseError, Untrusted
from dse.campaign.estimating import Estimate
from dse.campaign.planning import Expectation, Plan, expected_time, plan_of, require_startable
from dse.config import StudyConfig
from dse.config.provenance import source_hash
from dse.config.study_config import bounds_text
from dse.config.trust import code_and_hooks_of, require_trust_in_file
from dse.dashboard.data.configs import ConfigFile, ConfigFolders
from dse.dashboard.pages.acted import acting_form, done, study_page
from dse.dashboard.web.context import Context, ContextDep
from dse.space import describe
from dse.store import Reader, Store
from runners.workload import workload_model

router = APIRouter(include_in_schema=False)

_MOST_LETTERS = 100_000
"""Of a pasted config; those that come with the program have some thousand."""


@router.get("/start")
async def show_start(request: Request, context: ContextDep, config: str = "") -> HTMLResponse:
    """The configs of the folders, and of one of them what is wrong or what it would do."""
    _folders(context)
    file = context.configs.file(config) if config else None
    shown: dict[str, Any] = {}
    if file is not None:  # takes a second: few at the same time, so that no other page waits
        shown = await to_thread.run_sync(_look, context, file, limiter=context.heavy)
    return context.pages.respond(
        request,
        "start.html",
        files=context.configs.files(),
        folder=str(context.configs.first),
        file=file,
        **shown,
    )


@router.post("/start")
async def start_study(request: Request, context: ContextDep) -> Response:
    """Create the study of a config file, or go on with it, and start a process that runs it."""
    form = await acting_form(request)
    file = _folders(context).file(form.get("config", ""))
    plan = await run_in_threadpool(_plan, file)
    name = plan.config.name

    def act(store: Store) -> str:
        study = require_startable(plan, store, file=str(file.path))
        require_trust_in_file(plan.config, command=_command(context, file))
        if study is not None and name in store.working_studies(now_s=context.now_s()):
            return "a running process works on it already"
        if plan.space is not None:  # so that it has a page while its process prepares
            store.create_study(
                name=name,
                config_toml=plan.text,
                config_json=plan.config.to_json(),
                source_hash=source_hash(),
                now_s=context.now_s(),
            )
        return context.processes.start(name, file.path)

    page = study_page(name) if plan.space is not None else "/"
    asked = {"config": file.name}
    return await run_in_threadpool(done, context, request, name, "start", asked, act, page=page)


@router.post("/start/text")
async def keep_text(request: Request, context: ContextDep) -> Response:
    """Write a config that was pasted into the first folder, once nothing is wrong in it."""
    form = await acting_form(request)
    folders = _folders(context)
    text = form.get("text", "").replace("\r\n", "\n")  # as browsers send it
    if len(text) > _MOST_LETTERS:
        raise ConfigError(
            f"the pasted config has {len(text):,} letters",
            fix=f"paste at most {_MOST_LETTERS:,}, or put the file into {folders.first}",
        )
    plan = await run_in_threadpool(plan_of, text, file="the pasted config", folder=folders.first)
    name = plan.config.name

    def act(_store: Store) -> str:
        written = folders.write(name, text)
        return f"{written.path} was written; look at what it will do, then start it"

    page = f"/start?config={name}.toml"
    return await run_in_threadpool(done, context, request, name, "write", {}, act, page=page)


def _folders(context: Context) -> ConfigFolders:
    if not context.configs:
        raise ConfigError(
            "this dashboard was started for no folder of configs",
            fix=f"start a study in a terminal: {context.command('start', 'CONFIG')}",
        )
    return context.configs


def _plan(file: ConfigFile) -> Plan:
    return plan_of(file.text, file=str(file.path), folder=file.path.parent)


def _command(context: Context, file: ConfigFile) -> str:
    return context.command("start", str(file.path))


def _look(context: Context, file: ConfigFile) -> dict[str, Any]:
    """Return what is wrong in a config, or what it would do."""
    found: dict[str, Any] = {"command": _command(context, file), "plan": None, "refusal": None}
    reader = context.studies.reader()
    try:
        plan = _plan(file)
        study = require_startable(plan, reader, file=str(file.path))
    except DseError as error:
        return found | {"mistakes": _mistakes(error)}
    try:
        require_trust_in_file(plan.config, command=_command(context, file))
    except (Untrusted, ConfigError) as error:
        found["refusal"] = error
    config = plan.config
    return found | {
        "mistakes": (),
        "plan": plan,
        "config": config,
        "space": None if plan.space is None else describe(plan.space),
        "constraints": {name: bounds_text(bounds) for name, bounds in config.constraints.items()},
        "time": None if plan.space is None else _time(config, reader),
        "own_code": [file.path for file in code_and_hooks_of(config)],
        "ended": None if study is None else context.studies.ended(study.id),
        "works": config.name in reader.working_studies(now_s=context.now_s()),
    }


def _time(config: StudyConfig, reader: Reader) -> Expectation | Estimate:
    return expected_time(config, reader, macs=workload_model(config.workload).macs)


def _mistakes(error: DseError) -> tuple[tuple[str, str], ...]:
    several = error.mistakes if isinstance(error, ConfigMistakes) else ()
    return several or ((error.what, error.fix),)
