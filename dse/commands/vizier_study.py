"""``export --vizier`` and ``import``: a study of the database as one of Vizier's, and back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vizier.service import pyvizier as vz

from contracts.belief import Belief
from contracts.faults import ConfigError, InvalidDesign
from contracts.measurement import Completed, Fidelity, Measurement, Metric, Outcome, outcome_of
from contracts.untrusted import parse_json
from dse import program
from dse.config import StudyConfig, config_from_json, load_config
from dse.config.assembly import assemble_space
from dse.config.known_space import known_space
from dse.config.provenance import source_hash
from dse.results.columns import StudyColumns
from dse.results.front import broken_constraints, goals_of
from dse.results.going_on import going_on
from dse.results.study_results import study_columns
from dse.space import Design, Space
from dse.store import NewTrial, Reader, RetryPolicy, Store, TrialResult, TrialState
from dse.suggest.vizier_api.designer import NAMESPACE
from dse.suggest.vizier_api.search_space import design_of, search_space, vizier_parameters
from dse.suggest.vizier_api.study_file import read_study, write_study
from dse.words import plural
from runners.measuring.metrics import METRICS

IMPORTED = "imported"
"""Who suggested a design of a Vizier study that does not say it."""
_WORKER = "import"
_LEASE_S = 60.0
_SCHEMA = "1"


# --- export


def export_vizier(reader: Reader, name: str, path: Path) -> int:
    """Write a study as one of Vizier's into a new file and return the number of its trials.

    Nobody's code is run: the space is what the database knows of it. A promotion takes the place of
    the trial that it promotes, as it does for the search.

    Raises:
        NotFound: There is no such study.
        ConfigError: Its space is not known or cannot be told to Vizier, or the file exists.
    """
    record = reader.study(name)
    columns = study_columns(reader, name)
    known = known_space(columns.config, record.space_json)
    if known is None:
        raise ConfigError(
            f"the space of study {name} is not in the database, which is older than that",
            fix=f"resume it once: {going_on(reader, name)}",
        )
    config = _study_config(columns.config, known.space)
    words = config.metadata.ns(NAMESPACE)
    words["schema"] = _SCHEMA
    words["config_json"], words["config_toml"] = record.config_json, record.config_toml
    words["source_hash"] = record.source_hash
    if record.space_json is not None:
        words["space_json"] = record.space_json
    trials = [
        _vizier_trial(columns, result, known.space, number)
        for number, result in enumerate(_counting(columns), start=1)
    ]
    write_study(path, name=name, config=config, trials=trials)
    return len(trials)


def _study_config(config: StudyConfig, space: Space) -> vz.StudyConfig:
    found = vz.StudyConfig(search_space=search_space(space))
    for metric, goal in zip(config.objectives, goals_of(config), strict=True):
        told = (
            vz.ObjectiveMetricGoal.MINIMIZE
            if goal == "minimise"
            else vz.ObjectiveMetricGoal.MAXIMIZE
        )
        found.metric_information.append(vz.MetricInformation(metric, goal=told))
    return found


def _counting(columns: StudyColumns) -> list[TrialResult]:
    """Return the result that counts for each design: a promotion's, once there is one."""
    ended = (TrialState.COMPLETED, TrialState.INFEASIBLE)
    further = {r.trial.promotes: r for r in columns.results() if r.trial.state in ended}
    return [
        further.get(result.trial.id, result)
        for result in columns.results()
        if result.trial.promotes is None
    ]


def _vizier_trial(
    columns: StudyColumns, result: TrialResult, space: Space, number: int
) -> vz.Trial:
    trial = result.trial
    parameters = _parameters_of(columns, Design(trial.design), space, trial.number)
    found = vz.Trial(id=number, parameters=parameters)
    words = found.metadata.ns(NAMESPACE)
    words["trial"], words["state"] = str(trial.number), trial.state.value
    words["design"] = trial.design_json
    words["suggested_by"], words["fidelity"] = trial.suggested_by, trial.fidelity.value
    if trial.state in (TrialState.COMPLETED, TrialState.INFEASIBLE):
        words["metrics"] = json.dumps(_metric_words(columns, trial.number))
        found.complete(
            vz.Measurement(result.metrics), infeasibility_reason=_reason(columns, result)
        )
    else:  # what failed by infrastructure says nothing about the design: it is asked for again
        found.is_requested = trial.state is not TrialState.RUNNING
    return found


def _parameters_of(
    columns: StudyColumns, design: Design, space: Space, number: int
) -> dict[str, Any]:
    """Return a design as Vizier's parameters.

    One of an older version may lack a parameter that came since: it has its default there.
    """
    legal = {p.name: {repr(value) for value in p.values} for p in space.parameters}
    unknown = [n for n, value in design.values.items() if repr(value) not in legal.get(n, ())]
    if unknown:
        raise ConfigError(
            f"trial {number} has {', '.join(f'{n} = {design[n]}' for n in unknown)}, which the"
            " study's space does not have any more",
            fix=f"resume the study, which writes its space down anew: {program.name()} resume"
            f" {columns.config.name}",
        )
    return vizier_parameters(space, design)


def _metric_words(columns: StudyColumns, number: int) -> dict[str, tuple[str, str, bool]]:
    """Return unit, fidelity and whether it is an estimate, of each metric of a trial."""
    at = columns.index_of(number)
    assert at is not None
    fidelities = tuple(Fidelity)
    return {
        name: (metric.unit, fidelities[metric.fidelity[at]].value, bool(metric.estimate[at]))
        for name, metric in columns.metrics.items()
        if metric.fidelity[at] >= 0
    }


def _reason(columns: StudyColumns, result: TrialResult) -> str | None:
    """Return why a trial counts as infeasible, or None."""
    if result.trial.state is TrialState.INFEASIBLE:
        kind = "infeasible" if result.kind is None else result.kind.value
        return f"{kind}: {result.what or ''}"
    broken = broken_constraints(result.metrics, columns.config)
    return f"outside of the constraints: {', '.join(broken)}" if broken else None


# --- import


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import.

    Attributes:
        study: Name of the study in the database.
        finished: Trials that came with a result.
        waiting: Trials that `resume` will measure.
        repeated: Trials that were left out, since an earlier one has their design.
    """

    study: str
    finished: int
    waiting: int
    repeated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """A trial of a Vizier study as the database takes it; ``outcome`` is None before its end."""

    new: NewTrial
    outcome: Outcome | None


def import_vizier(
    path: Path,
    store: Store,
    *,
    study: str | None,
    owner: str,
    config_file: Path | None,
    now_s: float,
) -> Imported:
    """Take a study of Vizier's into the database, as a new one.

    A file that ``export --vizier`` wrote brings its config along. Any other one needs a config,
    whose space its trials are designs of and whose code is loaded. Imported results are told to the
    search; nobody measured them here, so they are never taken for an equal design of another study.

    Args:
        path: File of Vizier's service.
        store: Where to.
        study: Name of the study in the file; None where there is one only.
        owner: Of the study in the file.
        config_file: For a study that was not exported by this program.
        now_s: The time.

    Raises:
        ConfigError: The study does not map: a parameter, value, metric or goal is not that of the
            config, or the database has a study of its name. Nothing is stored then.
    """
    name, found, trials = read_study(path, name=study, owner=owner)
    words = found.metadata.ns(NAMESPACE)
    space_json: str | None = None
    if config_file is not None:
        toml, config = load_config(config_file)
        space = assemble_space(config)
    elif words.get("schema") == _SCHEMA:
        toml, config = words["config_toml"], config_from_json(words["config_json"])
        space_json = words.get("space_json")
        known = known_space(config, space_json)
        if known is None:
            raise ConfigError(
                f"{path} does not say which space its study has",
                fix="name its config with --config",
            )
        space = known.space
    else:
        raise ConfigError(
            f"study {name} of {path} was not exported by this program, so it says neither which"
            " model nor which target its numbers are of",
            fix="name a config with --config whose space and objectives are the study's",
        )
    _check_objectives(found, config)
    arrivals = [_arrival(trial, space, config) for trial in trials]
    if store.find_study(config.name) is not None:
        raise ConfigError(
            f"{store.place} has a study {config.name} already",
            fix="use another database with --db, or another name in the config",
        )
    record = store.create_study(
        name=config.name,
        config_toml=toml,
        config_json=config.to_json(),
        source_hash=words.get("source_hash") or source_hash(),
        now_s=now_s,
    )
    if space_json is not None:
        store.describe_space(record.id, space_json)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    context = f"imported {digest}"
    store.keep_context(context, {"imported": f"from {path.name}, SHA-256 {digest}"})
    # those with a result first: the store gives out the oldest trial that waits
    states = [
        _store(store, record.id, arrival, context=context, now_s=now_s)
        for arrival in sorted(arrivals, key=lambda arrival: arrival.outcome is None)
    ]
    waiting = states.count(TrialState.WAITING)
    return Imported(
        study=config.name,
        finished=len(states) - waiting - states.count(None),
        waiting=waiting,
        repeated=states.count(None),
    )


def imported_text(imported: Imported, db: str) -> str:
    """Say what came of an import."""
    return (
        f"study {imported.study}: {plural(imported.finished, 'result')} imported,"
        f" {plural(imported.waiting, 'trial')} to measure,"
        f" {plural(imported.repeated, 'repeated design')} left out\n"
        f"go on with: {program.name()} resume {imported.study}{db}"
    )


def _check_objectives(found: vz.StudyConfig, config: StudyConfig) -> None:
    told = {
        each.name: "minimise" if each.goal is vz.ObjectiveMetricGoal.MINIMIZE else "maximise"
        for each in found.metric_information
    }
    wanted = dict(zip(config.objectives, goals_of(config), strict=True))
    if told != wanted:
        raise ConfigError(
            f"the Vizier study has the objectives {_listed(told)}, the config {_listed(wanted)}",
            fix="write the study's objectives into [objectives] of the config, under the names that"
            " the metrics have here",
        )


def _listed(goals: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({goal})" for name, goal in goals.items()) or "none"


def _arrival(trial: vz.Trial, space: Space, config: StudyConfig) -> _Arrival:
    words = trial.metadata.ns(NAMESPACE)
    try:
        design = (
            Design.from_canonical(words["design"])  # as this program wrote it
            if "design" in words
            else design_of(space, trial.parameters.as_dict())
        )
    except ConfigError as error:
        raise ConfigError(
            f"trial {trial.id} of the Vizier study: {error.what}", error.fix
        ) from None
    new = NewTrial(
        design_id=design.id,
        design_json=design.canonical,
        suggested_by=words.get("suggested_by") or IMPORTED,
        fidelity=Fidelity(words.get("fidelity") or config.first_fidelity),
        belief=Belief(reason="imported from a Vizier study"),
    )
    if trial.status is not vz.TrialStatus.COMPLETED:
        return _Arrival(new=new, outcome=None)
    return _Arrival(new=new, outcome=_outcome(trial, new.fidelity, words, config))


def _outcome(
    trial: vz.Trial, fidelity: Fidelity, words: Mapping[str, Any], config: StudyConfig
) -> Outcome:
    metrics = {} if trial.final_measurement is None else trial.final_measurement.metrics
    told = parse_json(words.get("metrics") or "{}")
    measurement = Measurement(
        metrics=tuple(
            _metric(name, metric.value, told.get(name), fidelity)
            for name, metric in metrics.items()
            if _is_finite(metric.value)
        )
    )
    is_infeasible = trial.infeasible and words.get("state") != TrialState.COMPLETED
    if is_infeasible:
        reason = trial.infeasibility_reason or "no reason is given"
        fault = InvalidDesign(f"imported as infeasible: {reason}", fix="choose another design")
        return outcome_of(fault, measurement)
    have = {metric.name for metric in measurement.metrics}
    missing = [name for name in config.objectives if name not in have]
    if missing:
        raise ConfigError(
            f"trial {trial.id} of the Vizier study has completed without {', '.join(missing)}",
            fix="complete it with a finite value of each objective, or as infeasible",
        )
    return Completed(measurement=measurement)


def _metric(
    name: str, value: float, told: tuple[str, str, bool] | None, fidelity: Fidelity
) -> Metric:
    """Return a metric; of one that does not say how it was obtained, it is marked an estimate."""
    if told is not None:
        unit, obtained, is_estimate = told
        return Metric(
            name=name,
            value=value,
            unit=unit,
            fidelity=Fidelity(obtained),
            estimate=is_estimate,
        )
    unit = METRICS[name].unit if name in METRICS else ""
    return Metric(name=name, value=value, unit=unit, fidelity=fidelity, estimate=True)


def _is_finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")


def _store(
    store: Store, study_id: int, arrival: _Arrival, *, context: str, now_s: float
) -> TrialState | None:
    """Queue a trial and end it with its result; None where the study has the design already."""
    added = store.add_trials(study_id, [arrival.new], context=context, budget=None, now_s=now_s)
    if not added:
        return None
    if arrival.outcome is None:
        return TrialState.WAITING
    claim = store.claim(study_id, worker=_WORKER, now_s=now_s, lease_s=_LEASE_S)
    assert claim is not None, "it was queued just now, and nobody else knows of the study"
    return store.finish(claim.attempt_id, arrival.outcome, now_s=now_s, retry=RetryPolicy())
