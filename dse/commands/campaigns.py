"""What the commands that run trials do: each a function that the command line calls."""

from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from dse.campaign import Campaign
from dse.campaign.asking import Asker
from dse.campaign.events import Ending
from dse.commands.interrupts import stop_on_interrupt
from dse.config import (
    StudyConfig,
    config_from_json,
    differences,
    load_config,
    with_budget,
)
from dse.config.assembly import assemble_space
from dse.config.provenance import context_of, source_hash
from dse.output.progress import Display, LiveDisplay, PlainDisplay, Tally
from dse.results.study_results import study_columns, wanted_for_front
from dse.space import Space
from dse.store import Store, StudyRecord, TrialState
from dse.suggest import make_suggester
from runners.executors import Executor
from runners.executors.local import MEASURE, LocalExecutor
from runners.pipeline import default_root


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEnd:
    """How a command that ran trials came out.

    Attributes:
        study: The study.
        config: Its config.
        ending: Why the campaign ended.
        failed: Trials that failed by infrastructure, in the whole study.
    """

    study: StudyRecord
    config: StudyConfig
    ending: Ending
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How trials are run by this process.

    Attributes:
        is_terminal: Whether progress may redraw itself.
        now_s: Time of the command, seconds since 1970.
    """

    is_terminal: bool
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A config file that was checked as far as that is possible without a trial.

    Attributes:
        path: The file.
        text: What it says.
        config: The same, resolved.
        space: What it allows.
        context: Hash of what results depend on beside the design.
    """

    path: Path
    text: str
    config: StudyConfig
    space: Space
    context: str


def prepare(path: Path, *, trials: int | None, workers: int | None) -> Prepared:
    """Check a config file, its model, its space and the programs that trials need.

    Raises:
        ConfigError: The config is wrong.
        ToolMissing: An outside program is not installed.
    """
    text, config = load_config(path)
    config = with_budget(config, trials=trials, workers=workers)
    check_network(config)
    check_boards_of(config)
    space = assemble_space(config)
    return Prepared(path=path, text=text, config=config, space=space, context=context_of(config))


def start_study(prepared: Prepared, store: Store, *, running: Running) -> CampaignEnd:
    """Create the study of a config, or continue it, and run it to its end.

    Raises:
        ConfigError: The config differs from that of the study of its name.
        StoreError: The database cannot be used.
    """
    config = prepared.config
    study = store.create_study(
        name=config.name,
        config_toml=prepared.text,
        config_json=config.to_json(),
        source_hash=source_hash(),
        now_s=running.now_s,
    )
    changed = differences(config_from_json(study.config_json), config)
    if changed:
        raise ConfigError(
            f"study {config.name} in {store.path} was started with another config:\n  "
            + "\n  ".join(changed),
            fix=f"give the new study another name in {prepared.path}, use another --db, or"
            f" continue the old one: python -m dse.study resume {config.name}",
        )
    store.update_config(study.id, config_toml=prepared.text, config_json=config.to_json())
    store.requeue(study.id, context=prepared.context, now_s=running.now_s, also_failed=False)
    store.request_stop(study.id, now_s=None)
    return _run(study, config, prepared.space, prepared.context, store, running)


def resume_study(
    name: str, store: Store, *, trials: int | None, workers: int | None, running: Running
) -> CampaignEnd:
    """Queue again what was interrupted or failed, then go on to the budget.

    Raises:
        ConfigError: There is no such study, or its model has changed.
        ToolMissing: An outside program is not installed.
        StoreError: The database cannot be used.
    """
    study = store.study(name)
    config = with_budget(config_from_json(study.config_json), trials=trials, workers=workers)
    check_network(config)
    check_boards_of(config)
    store.update_config(study.id, config_toml=study.config_toml, config_json=config.to_json())
    context = context_of(config)
    store.requeue(study.id, context=context, now_s=running.now_s)
    store.request_stop(study.id, now_s=None)
    return _run(study, config, assemble_space(config), context, store, running)


def check_boards_of(config: StudyConfig) -> None:
    """Make sure that a study whose trials go to boards finds one.

    Raises:
        ConfigError: ``boards.toml`` is missing or wrong, or has no board of the target.
        ToolMissing: openFPGALoader is not installed, and a board has no command of its own.
    """
    if config.fidelity is not Fidelity.BOARD:
        return
    from runners.boards.loader import LOADER
    from runners.measuring.on_board import (
        check_boards,  # the board's room, which most studies need not
    )
    from runners.tools import find_program

    if not all(entry.load for entry in check_boards(config.target.name)):
        find_program(LOADER)


def check_network(config: StudyConfig) -> None:
    """Make sure that firmware can be generated for the model, and that it is still the same.

    Raises:
        ConfigError: It is missing, has changed since the study was started, is not a TFLite file,
            not int8, has an unsupported operator, or does not fit the target's main memory.
    """
    from runners.workload import (
        require_model_fits,
        workload_model,  # NumPy and the schema of TFLite
    )

    require_model_fits(workload_model(config.workload), config.target)


def _run(
    study: StudyRecord,
    config: StudyConfig,
    space: Space,
    context: str,
    store: Store,
    running: Running,
) -> CampaignEnd:
    tally = Tally(config)
    tally.start_from(study_columns(store, study.name, wanted_for_front(config)))
    display: Display = LiveDisplay(tally) if running.is_terminal else PlainDisplay(tally)
    suggester = make_suggester(
        config.suggest.algorithm,
        timeout_s=config.suggest.timeout_s,
        compilation_cache=default_root() / "suggest",
    )
    executor: Executor = LocalExecutor(MEASURE)
    asker = Asker(suggester)
    try:
        with stop_on_interrupt() as should_stop, display:
            ending = Campaign(
                store=store,
                study=study,
                config=config,
                context=context,
                space=space,
                asker=asker,
                executor=executor,
                listen=display.listen,
                should_stop=should_stop,
            ).run()
    finally:
        executor.close()
        asker.close()
    failed = store.count_trials(study.id, TrialState.FAILED)
    return CampaignEnd(study=study, config=config, ending=ending, failed=failed)
