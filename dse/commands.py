"""What the commands that run trials do: each a function that the command line calls."""

from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError
from dse.asking import Asker
from dse.assembly import assemble_space
from dse.campaign import Campaign
from dse.campaign_events import Ending
from dse.config import (
    StudyConfig,
    check_model,
    config_from_json,
    differences,
    load_config,
    with_budget,
)
from dse.interrupts import stop_on_interrupt
from dse.progress import Display, LiveDisplay, PlainDisplay, Tally
from dse.provenance import context_of, source_hash
from dse.store import Store, StudyRecord, TrialState
from dse.suggest import make_suggester
from runners.cache import default_root
from runners.executors import Executor
from runners.executors.local import MEASURE, LocalExecutor


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


def start_study(
    path: Path, store: Store, *, trials: int | None, workers: int | None, running: Running
) -> CampaignEnd:
    """Create the study of a config file, or continue it, and run it to its end.

    Raises:
        ConfigError: The config is wrong, or differs from that of the study of its name.
        ToolMissing: An outside program is not installed.
        StoreError: The database cannot be used.
    """
    text, config = load_config(path)
    config = with_budget(config, trials=trials, workers=workers)
    check_network(config)
    assemble_space(config)
    study = store.find_study(config.name)
    if study is None:
        study = store.create_study(
            name=config.name,
            config_toml=text,
            config_json=config.to_json(),
            source_hash=source_hash(),
            now_s=running.now_s,
        )
    changed = differences(config_from_json(study.config_json), config)
    if changed:
        raise ConfigError(
            f"study {config.name} in {store.path} was started with another config:\n  "
            + "\n  ".join(changed),
            fix=f"give the new study another name in {path}, use another --db, or continue the"
            f" old one: python -m dse.study resume {config.name}",
        )
    store.update_config(study.id, config_toml=text, config_json=config.to_json())
    return _run(study, config, store, running, requeue=False)


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
    check_model(config.workload)
    store.update_config(study.id, config_toml=study.config_toml, config_json=config.to_json())
    return _run(study, config, store, running, requeue=True)


def check_network(config: StudyConfig) -> None:
    """Make sure that firmware can be generated for the model.

    Raises:
        ConfigError: It is not a TFLite file, not int8, or has an unsupported operator.
    """
    from sw_templates.tflite_import import load_model

    load_model(config.workload.model)


def _run(
    study: StudyRecord, config: StudyConfig, store: Store, running: Running, *, requeue: bool
) -> CampaignEnd:
    context = context_of(config)
    if requeue:
        store.requeue(study.id, context=context, now_s=running.now_s)
    tally = Tally(config)
    tally.start_from(store.results(study.id))
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
                space=assemble_space(config),
                asker=asker,
                executor=executor,
                listen=display.listen,
                should_stop=should_stop,
            ).run()
    finally:
        executor.close()
        asker.close()
    failed = sum(result.trial.state is TrialState.FAILED for result in store.results(study.id))
    return CampaignEnd(study=study, config=config, ending=ending, failed=failed)
