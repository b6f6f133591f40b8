"""What starting a config would do, found out without running anything of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts.faults import DseError
from dse.campaign.checking import check_surroundings, checked_space, require_same_config
from dse.campaign.earlier import EarlierStudies
from dse.campaign.estimating import MOST_WORKS, Estimate, estimate
from dse.config import StudyConfig, config_from_json, read_config_text
from dse.config.checks import family_path, metric_path
from dse.config.errors import parsed_text
from dse.config.mistakes import Mistakes
from dse.config.study_config import config_of
from dse.space import Space
from dse.store import Reader, StudyRecord, TrialState
from dse.words import duration_text, plural

_OPERATORS = "operator_folders"
_CODE = (("cfu", "families"), ("metrics", "files"), ("workload", _OPERATORS))
"""The keys that name code: to read the rest of such a config is to run it."""
_ENDS = (TrialState.COMPLETED, TrialState.INFEASIBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What starting a config would do.

    Attributes:
        text: Of the config.
        config: What it says. Of one that names code of its own, only study, network, target, hooks
            and that code: the rest is known to who runs it.
        space: What it allows; None where code of its own decides.
    """

    text: str
    config: StudyConfig
    space: Space | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How long a study will take, by one of the same network, target and fidelity.

    Attributes:
        wall_s: Of the study.
        trial_s: That a worker had for a trial there, in the mean.
        study: Its name.
        trials: How many there were.
        workers: Trials at the same time.
    """

    wall_s: float
    trial_s: float
    study: str
    trials: int
    workers: int

    @property
    def brief(self) -> str:
        """The time in words."""
        return f"{duration_text(self.wall_s)} with {plural(self.workers, 'worker')}"

    @property
    def basis(self) -> str:
        """What it rests on, in words."""
        return (
            f"a trial took {duration_text(self.trial_s)} in the mean of {self.trials} of"
            f" {self.study}, of the same network and target"
        )


def plan_of(text: str, *, file: str, folder: Path) -> Plan:
    """Check a config as ``start`` does before the first trial, without running code it names.

    Args:
        text: Of the config.
        file: What messages call it.
        folder: What relative paths start from.

    Raises:
        ConfigError: All that is wrong in it.
        ToolMissing: A board is to be loaded, and the program that does is not installed.
    """
    mistakes = Mistakes(file)
    content = parsed_text(text, mistakes)
    code = {keys: _code_of(content, *keys) for keys in _CODE}
    if any(code.values()):
        mistakes.raise_any()
        return Plan(text=text, config=_around_code(content, code, file, folder), space=None)
    read = read_config_text(text, file=file, folder=folder)
    return Plan(text=text, config=read.config, space=checked_space(read.config, read.mistakes))


def require_startable(plan: Plan, reader: Reader, *, file: str) -> StudyRecord | None:
    """Make sure that a database may take a planned study; return the study that is there already.

    Raises:
        ConfigError: A study of its name has another config, or one that it learns from is not
            there or is of another space.
    """
    if plan.space is not None:
        EarlierStudies(plan.config, plan.space, reader)
    study = reader.find_study(plan.config.name)
    if study is not None and plan.space is not None:
        require_same_config(study, plan.config, reader, file)
    return study


def expected(config: StudyConfig, reader: Reader) -> Expectation | None:
    """Return how long a study will take, by the largest one that is like it; None without one."""
    found: list[Expectation] = []
    for summary in reader.summaries():
        ended = sum(summary.counts[state] for state in _ENDS)
        if not ended or summary.problem is not None:
            continue
        try:
            other = config_from_json(summary.study.config_json)
        except DseError:  # its own page shows why
            continue
        if _likeness(other) != _likeness(config):
            continue
        trial_s = reader.worked_s(summary.study.id, now_s=reader.now_s()) / ended
        found.append(
            Expectation(
                wall_s=trial_s * config.trials / config.workers,
                trial_s=trial_s,
                study=summary.study.name,
                trials=ended,
                workers=config.workers,
            )
        )
    return max(found, key=lambda each: each.trials, default=None)


def expected_time(
    config: StudyConfig, reader: Reader | None, *, macs: int
) -> Expectation | Estimate:
    """Return how long a study will take: by one that is like it, else an estimate.

    Args:
        config: Of the study.
        reader: The database; None where there is none yet.
        macs: Multiply-accumulates of an inference of its network.
    """
    like = None if reader is None else expected(config, reader)
    if like is not None:
        return like
    works = () if reader is None else reader.trial_works(most=MOST_WORKS)
    return estimate(config, macs=macs, works=works)


def _likeness(config: StudyConfig) -> tuple[object, ...]:
    digests = tuple(workload.model_sha256 for workload in config.workloads.values())
    return digests, config.target.name, config.fidelity, config.promotes


def _code_of(content: Mapping[str, Any], section: str, key: str) -> list[str]:
    """Return what a key says that names code; what is of no such type is a mistake of others."""
    table = content.get(section)
    names = table.get(key) if isinstance(table, dict) else None
    if not isinstance(names, list):
        return []
    return [name for name in names if isinstance(name, str)]


def _around_code(
    content: Mapping[str, Any],
    code: Mapping[tuple[str, str], list[str]],
    file: str,
    folder: Path,
) -> StudyConfig:
    """Return what can be known of a config that names code of its own, without running that.

    Raises:
        ConfigError: All that is wrong in the part of it that can be looked at.
    """
    known = {
        name: content[name]
        for name in ("study", "target", "limits", "cache", "machine", "notify")
        if name in content
    }
    workload = content.get("workload", {})
    if isinstance(workload, dict):
        workload = {key: told for key, told in workload.items() if key != _OPERATORS}
    known["workload"] = workload
    known["objectives"] = {"minimise": ["latency_us"]}  # its own may be metrics of its own
    config = config_of(known, file=file, folder=folder)
    operators = code["workload", _OPERATORS]
    if not operators:  # without them the network may be none that is supported
        check_surroundings(config, Mistakes(file))
    root = folder.resolve()
    return replace(
        config,
        families=tuple(
            family_path(name, folder=root, file=file) for name in code["cfu", "families"]
        ),
        metric_files=tuple(
            metric_path(name, folder=root, file=file) for name in code["metrics", "files"]
        ),
        workload=replace(
            config.workload, operator_folders=tuple((root / name).resolve() for name in operators)
        ),
    )
