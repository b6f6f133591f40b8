"""What the commands that run trials do: each a function that the command line calls."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError, DseError, StoreError
from contracts.parameter import Value
from dse import program
from dse.campaign import Campaign
from dse.campaign.asking import Asker
from dse.campaign.checking import check_boards_of, checked_space, require_same_config
from dse.campaign.earlier import EarlierStudies
from dse.campaign.events import CampaignEvent, Ending, Note
from dse.campaign.hooks import Notifier
from dse.campaign.networks import check_network
from dse.campaign.notices import Notice, NoticeKind
from dse.campaign.planning import expected_time
from dse.commands.interrupts import stop_on_interrupt
from dse.commands.oracle import measure_oracle, oracle_of_all
from dse.config import (
    StudyConfig,
    config_from_json,
    read_config,
    with_budget,
    with_hours,
    with_stop_gain,
)
from dse.config.assembly import assemble_space
from dse.config.known_space import space_json
from dse.config.provenance import Context, context_of, source_hash, what_changed
from dse.config.trust import CodeFile, code_and_hooks_of, trust
from dse.config.variants import PARAMETER
from dse.output.oracle_report import oracle_text
from dse.output.progress import Display, LiveDisplay, PlainDisplay, Tally
from dse.results.study_results import study_columns, wanted_for_front
from dse.space import Space
from dse.store import Place, Store, StudyRecord, TrialState, folders_of
from dse.store.workers import worker_name
from dse.suggest import make_suggester
from dse.words import plural, printable, study_command
from runners.executors import MEASURE, make_executor
from runners.pipeline import Remote, default_root
from runners.stages.golden import OracleReport
from runners.workload import workload_model

_STOPPED_QUIET_S = 600.0
"""Workers that meet the same fault tell it once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEnd:
    """What running a study returns: why it ended, and what failed.

    Attributes:
        study: The study.
        config: Its config.
        ending: Why the campaign ended.
        failed: Trials that failed by infrastructure, in the whole study.
        stand_ins: Designs of this run that were drawn at random because the search failed.
    """

    study: StudyRecord
    config: StudyConfig
    ending: Ending
    failed: int
    stand_ins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What ``start``, ``resume`` and ``work`` know of the process that calls them.

    Attributes:
        is_terminal: Whether progress may redraw itself.
        now_s: Time of the command by the database's clock, seconds since 1970.
        say: Told what takes long before the first trial.
    """

    is_terminal: bool
    now_s: float
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A config file that was checked as far as that is possible without a trial.

    Attributes:
        path: The file, or the database that keeps what it said.
        text: What it says.
        config: The same, resolved.
        space: What it allows.
        code: The files of the user's own code as they were loaded.
        context: What results depend on beside the design.
        oracle: What the golden inputs would show.
    """

    path: Place
    text: str
    config: StudyConfig
    space: Space
    code: tuple[CodeFile, ...]
    context: Context
    oracle: OracleReport


def prepare(
    path: Path, *, trials: int | None, workers: int | None, say: Callable[[str], None]
) -> Prepared:
    """Check a config file, its model, its space and the programs that trials need.

    Runs the code of the CFU families, operators and metrics that the file names: who gives it
    asks for that.

    Raises:
        ConfigError: The config is wrong; all that is wrong in it is named.
        ToolMissing: An outside program is not installed.
    """
    read = read_config(path)
    text, mistakes = read.text, read.mistakes
    config = with_budget(read.config, trials=trials, workers=workers)
    space = checked_space(config, mistakes)
    code = code_and_hooks_of(config)
    return Prepared(
        path=path,
        text=text,
        config=config,
        space=space,
        code=code,
        context=context_of(config),
        oracle=_oracle_of(config, say=say),
    )


def start_study(prepared: Prepared, store: Store, *, running: Running) -> CampaignEnd:
    """Create the study of a config, or continue it, and run it to its end.

    Raises:
        ConfigError: The config differs from that of the study of its name, or a study that it
            learns from is not there or of another space.
        StoreError: The database cannot be used.
    """
    config = prepared.config
    EarlierStudies(config, prepared.space, store)  # before there is a study that cannot be run
    study = store.create_study(
        name=config.name,
        config_toml=prepared.text,
        config_json=config.to_json(),
        source_hash=source_hash(),
        now_s=running.now_s,
    )
    require_same_config(study, config, store, str(prepared.path))
    store.enter(study.name, worker=worker_name(), now_s=running.now_s)
    store.update_config(study.id, config_toml=prepared.text, config_json=config.to_json())
    store.describe_space(study.id, space_json(prepared.space, prepared.code))
    trust(prepared.code)  # so that `resume` does not ask for what was given here
    store.requeue(study.id, context=prepared.context.key, now_s=running.now_s, also_failed=False)
    store.request_stop(study.id, now_s=None)
    _tell_expected_time(study, config, store, running)
    return _run(study, prepared, store, running)


def _tell_expected_time(
    study: StudyRecord, config: StudyConfig, store: Store, running: Running
) -> None:
    """Say how long a study will take that has no trial yet."""
    (summary,) = (each for each in store.summaries() if each.study.id == study.id)
    if config.budget_s is None and not any(summary.counts.values()):
        found = expected_time(config, store, macs=workload_model(config.workload).macs)
        running.say(f"about {found.brief}: {found.basis}")


def resume_study(
    name: str,
    store: Store,
    *,
    trials: int | None,
    workers: int | None,
    stop_gain: float | None = None,
    hours: float | None = None,
    running: Running,
) -> CampaignEnd:
    """Queue again what was interrupted or failed, then go on to the budget.

    Runs the CFU families, operators and metrics that the database names; see
    ``trust.require_trust``.

    Raises:
        ConfigError: There is no such study, or its model has changed.
        ToolMissing: An outside program is not installed.
        StoreError: The database cannot be used.
    """
    study = store.study(name)
    store.enter(name, worker=worker_name(), now_s=running.now_s)  # to prepare takes a while
    config = with_budget(config_from_json(study.config_json), trials=trials, workers=workers)
    config = with_hours(with_stop_gain(config, stop_gain), hours)
    check_network(config)
    check_boards_of(config)
    oracle = _oracle_of(config, say=running.say)
    store.update_config(study.id, config_toml=study.config_toml, config_json=config.to_json())
    code = code_and_hooks_of(config)
    space = assemble_space(config)
    store.describe_space(study.id, space_json(space, code))
    context = context_of(config)
    store.requeue(study.id, context=context.key, now_s=running.now_s)
    store.request_stop(study.id, now_s=None)
    prepared = Prepared(
        path=store.place,
        text=study.config_toml,
        config=config,
        space=space,
        code=code,
        context=context,
        oracle=oracle,
    )
    return _run(study, prepared, store, running)


def work_on_study(name: str, store: Store, *, workers: int, running: Running) -> CampaignEnd:
    """Run trials of a study beside whoever else does; the study stays as it was started.

    A worker is a whole campaign: it claims what waits, asks the search for more up to the budget,
    takes back what dead workers held, and goes on when all others have died. What failed stays
    failed, and a wish to stop holds: both are for ``resume``. Runs the code that the database
    names; see ``trust.require_trust``.

    Args:
        name: Of the study.
        store: Where it is.
        workers: Trials at the same time in this process; not stored.
        running: The process.

    Raises:
        ConfigError: There is no such study, its model has changed, or results of this process
            would rest on other things than those of the others.
        ToolMissing: An outside program is not installed.
        StoreError: The database cannot be used.
    """
    study = store.study(name)
    store.enter(name, worker=worker_name(), now_s=running.now_s)
    config = with_budget(config_from_json(study.config_json), workers=workers)
    check_network(config)
    check_boards_of(config)
    oracle = measure_oracle(config.job({}), say=running.say)
    space = assemble_space(config)
    context = context_of(config)
    _require_same_context(study, store, context)
    prepared = Prepared(
        path=store.place,
        text=study.config_toml,
        config=config,
        space=space,
        code=(),
        context=context,
        oracle=oracle,
    )
    return _run(study, prepared, store, running)


def _require_same_context(study: StudyRecord, store: Store, context: Context) -> None:
    """Make sure that a worker measures what the others of its study do.

    Raises:
        ConfigError: It would not; the message says what differs.
    """
    resume = study_command("resume", study.name, db=str(store.place))
    theirs = store.open_context(study.id) or store.last_context(study.id)
    if theirs in ("", context.key):
        return
    facts = store.context_facts(theirs)
    changes = () if facts is None else what_changed(facts, context.facts)
    told = "; ".join(changes) or "what differs was not kept"
    raise ConfigError(
        f"results of this process would rest on other things than the trials of study"
        f" {study.name} do: {told}",
        fix="give this process the sources and tools that the others have, or let the study go on"
        f" with these: stop the others, then {resume}",
    )


def _oracle_of(config: StudyConfig, *, say: Callable[[str], None]) -> OracleReport:
    """Return what the golden inputs of a study would show, of variants all together."""
    designs: list[dict[str, Value]] = [{PARAMETER: value} for value in config.variants] or [{}]
    reports = [measure_oracle(config.job(design), say=say) for design in designs]
    if len(reports) == 1:
        return reports[0]
    return oracle_of_all(dict(zip(config.workloads, reports, strict=True)))


def _run(study: StudyRecord, prepared: Prepared, store: Store, running: Running) -> CampaignEnd:
    config, context = prepared.config, prepared.context
    store.keep_context(context.key, context.facts)
    store.describe_oracle(study.id, prepared.oracle.to_json())
    remarks = (
        oracle_text(prepared.oracle),
        *_remote_remarks(config),
        *_older_results(store, study, context),
        *EarlierStudies(config, prepared.space, store).remarks(),
    )
    tally = Tally(config)
    tally.start_from(study_columns(store, study.name, wanted_for_front(config)))
    display: Display = LiveDisplay(tally) if running.is_terminal else PlainDisplay(tally)
    suggester = make_suggester(
        config.suggest.algorithm,
        timeout_s=config.suggest.timeout_s,
        compilation_cache=default_root() / "suggest",
    )
    executor = make_executor(config.executor, measure=MEASURE, address=config.scheduler)
    asker = Asker(suggester)
    notifier = Notifier(
        study.name,
        config.notify,
        database=store.place,
        folders=tuple(f.absolute() for f in (*folders_of(store.place).values(), default_root())),
        say=running.say,
    )
    last: Notice | None = None

    def listen(event: CampaignEvent) -> None:
        display.listen(event)
        notifier.listen(event)

    try:
        with stop_on_interrupt() as should_stop, display:
            for remark in remarks:
                display.listen(Note(text=remark))
            campaign = Campaign(
                store=store,
                study=study,
                config=config,
                context=context.key,
                space=prepared.space,
                asker=asker,
                executor=executor,
                listen=listen,
                should_stop=should_stop,
                now_s=store.now_s,
            )
            ending = campaign.run()
        last = _ending_notice(study, store, ending)
    except DseError as error:
        last = Notice(
            kind=NoticeKind.STOPPED,
            text=f"study {study.name} stopped before its end: {error.kind}: {error.what}",
            key=f"{time.time():.0f}",
            quiet_s=_STOPPED_QUIET_S,
        )
        raise
    finally:
        executor.close()
        asker.close()
        notifier.close(last)
        with contextlib.suppress(StoreError):  # a full disk; that we are gone tells it, too
            store.leave(study.name, worker=worker_name())
    failed = store.count_failed(study.id)
    return CampaignEnd(
        study=study, config=config, ending=ending, failed=failed, stand_ins=campaign.stand_ins
    )


def _remote_remarks(config: StudyConfig) -> tuple[str, ...]:
    """Say once that the second place for artefacts cannot be used; trials go on without it."""
    if config.cache_remote is None:
        return ()
    root = default_root()
    root.mkdir(parents=True, exist_ok=True)
    problem = Remote(config.cache_remote, cache_root=root).check()
    if not problem:
        return ()
    return (
        f"the shared cache {config.cache_remote} cannot be used as it should, and trials go on:"
        f" {printable(problem)}",
    )


def _ending_notice(study: StudyRecord, store: Store, ending: Ending) -> Notice | None:
    """Return what to tell when a campaign has ended; nothing where a person ended it."""
    if ending not in (Ending.BUDGET, Ending.EXHAUSTED):
        return None
    ends = (TrialState.COMPLETED, TrialState.INFEASIBLE, TrialState.FAILED)
    counts = {state: store.count_trials(study.id, state) for state in ends}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return Notice(
        kind=NoticeKind.FINISHED,
        text=f"study {study.name} has ended: {told or 'no trial'}; {program.name()} report"
        f" {study.name}",
        key=told,
    )


def _older_results(store: Store, study: StudyRecord, context: Context) -> tuple[str, ...]:
    """Say which results of a study were measured under other facts, and which facts differ."""
    remarks = []
    for older in store.contexts_of(study.id):
        if older.key == context.key:
            continue
        changes = (
            "facts that were not kept then"
            if older.facts is None
            else "; ".join(what_changed(older.facts, context.facts))
        )
        remarks.append(
            f"{plural(older.results, 'result')} of this study rest on other things than new ones"
            f" will: {changes}. They stay; equal designs are measured anew, not reused"
        )
    return tuple(remarks)
