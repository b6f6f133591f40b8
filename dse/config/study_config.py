"""Study configs: TOML in, a frozen and checked StudyConfig out."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from contracts.parameter import Value
from contracts.untrusted import parse_json
from dse.config.checks import check_ranges, completed
from dse.config.errors import checked, parsed, parsed_text, validated
from dse.config.file import (
    FIDELITIES,
    STORED,
    BoundsSection,
    NotifySection,
    StudyFile,
    WorkloadSection,
)
from dse.config.mistakes import Mistakes
from dse.config.variants import PARAMETER, comparable, file_name, variant_values
from runners.fpga.cells import ROLES
from runners.job import Job, Limits, Memory, Serial, Target, Workload
from sw_templates.options import printable_name

CHANGEABLE = (
    ("study", "trials"),
    ("study", "workers"),
    ("study", "executor"),
    ("study", "scheduler"),
    ("study", "promote_margin"),
    ("study", "promote_gain"),
    ("suggest", "timeout_s"),
    ("cache", "limit"),
    ("cache", "remote"),
    ("machine", "cores"),
    ("machine", "memory"),
    *(("notify", key) for key in NotifySection.model_fields),
    ("suggest", "stop_gain"),
    ("suggest", "learn_from"),
    ("suggest", "budget"),
    ("suggest", "hours"),
)
"""Keys that may differ when a study is continued: they do not change what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggest:
    """The search.

    Attributes:
        algorithm: Its name.
        timeout_s: Seconds that one call may take.
        stop_gain: The study stops by itself when what its last suggestions were expected to gain
            is below this share of the front's hypervolume, see ``dse.suggest.stopping``; 0 never
            stops it.
        learn_from: Names of the other studies of the database that it learns from.
        budget: What is to be spent: ``trials``, or ``hours``; then a design is worth what it gains
            for what it costs.
        hours: To be spent, or None; see ``StudyConfig.budget_s``.
        reproducible: Whether the designs do not depend on which of the running trials ends first.
    """

    algorithm: str
    timeout_s: float
    stop_gain: float
    learn_from: tuple[str, ...] = ()
    budget: Literal["trials", "hours"] = "trials"
    hours: float | None = None
    reproducible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The smallest and the largest value of a metric that count as feasible, themselves included.

    A value that is not there, NaN, lies outside of any bounds.
    """

    min: float = -math.inf
    max: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A published figure of another system, to compare with."""

    name: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Whom to tell what happens to a study.

    Attributes:
        command: Program and arguments, empty for none; ``{event}``, ``{study}`` and ``{text}`` in
            them are replaced.
        webhook: Address that gets a POST with JSON, or None.
        on: What to tell: names of ``dse.campaign.notices.NoticeKind``.
        stuck_after_s: A study that has not moved for so long is stuck.
        failing_in_a_row: So many failed attempts in a row are told.
        disk_low_bytes: Less free space than this is low.
    """

    command: tuple[str, ...] = ()
    webhook: str | None = None
    on: frozenset[str] = frozenset()
    stuck_after_s: float = 3600.0
    failing_in_a_row: int = 5
    disk_low_bytes: int = 2_000_000_000

    @property
    def is_wanted(self) -> bool:
        """Whether there is anybody to tell anything."""
        return bool(self.on and (self.command or self.webhook))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """A study as it will be run: all paths absolute, all names resolved.

    Attributes:
        name: Of the study; unique in a database.
        trials: Budget: trials in the study altogether.
        workers: Trials at the same time.
        executor: What runs them; see ``runners.executors``.
        scheduler: Address of an executor's scheduler, where it has one.
        seed: Of the search.
        fidelity: How far trials go.
        promotes: Whether only some designs go that far, after the others.
        promotes_by_gain: Whether those do that are expected to enlarge the front of what went that
            far, and not all on or near the front.
        promote_margin: How much worse than the front, as a share, still counts as near.
        promote_gain: The least gain that is worth it, as a share of the front's hypervolume.
        suggest: The algorithm.
        workload: The model and its inputs; of variants the first one.
        variants: Values of the parameter ``model`` to their workloads; empty for a single model.
        target: Board, part, memory and clock.
        minimise: Objectives where less is better.
        maximise: Objectives where more is better.
        constraints: Metric to the values that count as feasible; a trial without the metric
            does not.
        limits: When to give up.
        serial: Names on the serial line.
        space: Restrictions: parameter name to its allowed values.
        families: The user's own CFU families: modules or absolute paths of files.
        metric_files: Absolute paths of the files that define the user's own metrics.
        cache_limit_bytes: Most bytes of all artefacts in the cache, None for no limit.
        cache_remote: Address of a second place for artefacts, or None.
        machine_cores: Most cores that stages keep busy on a machine, None for all.
        machine_memory_bytes: Most memory that they have there together, None for all.
        notify: Whom to tell what happens.
        references: Figures of other systems.
        resolved: The same as plain data; itself the content of a valid config file.
    """

    name: str
    trials: int
    workers: int
    executor: str
    scheduler: str | None
    seed: int
    fidelity: Fidelity
    promotes: bool
    promotes_by_gain: bool
    promote_margin: float
    promote_gain: float
    suggest: Suggest
    workload: Workload
    variants: Mapping[str, Workload]
    target: Target
    minimise: tuple[str, ...]
    maximise: tuple[str, ...]
    constraints: Mapping[str, Bounds]
    limits: Limits
    serial: Serial
    space: Mapping[str, tuple[Value, ...]]
    families: tuple[str, ...]
    metric_files: tuple[str, ...]
    cache_limit_bytes: int | None
    cache_remote: str | None
    machine_cores: int | None
    machine_memory_bytes: int | None
    notify: Notify
    references: tuple[Reference, ...]
    resolved: Mapping[str, Any]

    @property
    def objectives(self) -> tuple[str, ...]:
        """All objectives in the order in which tables show them."""
        return self.minimise + self.maximise

    @property
    def budget_s(self) -> float | None:
        """Seconds that workers may be busy with trials, each worker counted; None for no limit."""
        if self.suggest.budget == "trials" or self.suggest.hours is None:
            return None
        return self.suggest.hours * 3600 * self.workers

    @property
    def first_fidelity(self) -> Fidelity:
        """How far every design goes, before the best ones are promoted."""
        return Fidelity.SYNTHESISED if self.promotes else self.fidelity

    def shown_metrics(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of a study's metrics that a table shows: the objectives first.

        A role repeats what the part's own cells say, so it is shown where the study names it.
        """
        named = {*self.objectives, *self.constraints, *(each.metric for each in self.references)}
        others = (name for name in names if name in named or name not in ROLES)
        return tuple(dict.fromkeys((*self.objectives, *others)))

    @property
    def workloads(self) -> Mapping[str, Workload]:
        """Every workload of the study by its name: of variants their values of ``model``."""
        return self.variants or {self.workload.model.name: self.workload}

    @property
    def network_name(self) -> str:
        """What a title says that is measured: the model's file, or how many variants there are."""
        if len(self.workloads) == 1:
            return self.workload.model.name
        return f"{len(self.workloads)} variants of a network"

    def variant(self, value: str) -> Workload:
        """Return the workload of a variant.

        Raises:
            ConfigError: There is none of this value.
        """
        if value not in self.variants:
            raise ConfigError(
                f"study {self.name} has no variant {value!r} of its network",
                fix=f"use one of: {', '.join(self.variants)}",
            )
        return self.variants[value]

    def to_json(self) -> str:
        """Return the text that ``config_from_json`` reads."""
        return json.dumps(self.resolved, indent=1, sort_keys=True)

    def job(self, design: Mapping[str, Value], fidelity: Fidelity | None = None) -> Job:
        """Return what measures ``design``, as far as every design goes unless told further.

        Raises:
            ConfigError: The design's variant of the network is none of the study's.
        """
        serial, variant = self.serial, design.get(PARAMETER) if self.variants else None
        if variant is not None and not serial.model_name:
            serial = replace(serial, model_name=printable_name(Path(file_name(str(variant))).stem))
        return Job(
            design=dict(design),
            target=self.target,
            workload=self.workload if variant is None else self.variant(str(variant)),
            fidelity=fidelity or self.first_fidelity,
            serial=serial,
            limits=self.limits,
            families=self.families,
            metric_files=self.metric_files,
            cache_limit_bytes=self.cache_limit_bytes,
            cache_remote=self.cache_remote,
            machine_cores=self.machine_cores,
            machine_memory_bytes=self.machine_memory_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConfig:
    """A config file that was read as far as that goes.

    Attributes:
        text: Of the file.
        config: What it says where it is right, stand-ins elsewhere.
        mistakes: What is wrong in it so far. Who looks further at ``config`` adds to them, asks
            before whether the keys are certain, and raises them before anything is done.
    """

    text: str
    config: StudyConfig
    mistakes: Mistakes


def load_config(path: Path, *, with_workload: bool = True) -> tuple[str, StudyConfig]:
    """Read, check and complete a config file; return its text and the config.

    Paths in the file are relative to its folder. Without ``with_workload`` the model and the
    samples need not exist; enough for a look at the space.

    Raises:
        ConfigError: All that is wrong: file, key, what was found, what is allowed.
    """
    read = read_config(path, with_workload=with_workload)
    read.mistakes.raise_any()
    return read.text, read.config


def read_config(path: Path, *, with_workload: bool = True) -> ReadConfig:
    """Read a config file as ``load_config`` does, and keep what is wrong in it.

    Raises:
        ConfigError: There is nothing to look further at: no file, no TOML, or no study in it.
    """
    mistakes = Mistakes(str(path))
    text, content = parsed(path, mistakes)
    return _read(text, content, mistakes, path.parent.resolve(), with_workload=with_workload)


def read_config_text(text: str, *, file: str, folder: Path) -> ReadConfig:
    """Read what is not a file yet, as ``read_config`` would read it.

    Args:
        text: Of the config.
        file: What messages call it.
        folder: What relative paths start from.

    Raises:
        ConfigError: There is nothing to look further at: no TOML, or no study in it.
    """
    mistakes = Mistakes(file)
    content = parsed_text(text, mistakes)
    return _read(text, content, mistakes, folder.resolve(), with_workload=True)


def _read(
    text: str,
    content: Mapping[str, Any],
    mistakes: Mistakes,
    folder: Path,
    *,
    with_workload: bool,
) -> ReadConfig:
    given = checked(StudyFile, content, mistakes, stand_ins=_STAND_INS)
    if given is None:
        mistakes.raise_any()
        raise AssertionError("what cannot be read has a mistake")
    complete = _completed(given, mistakes, folder=folder, with_workload=with_workload)
    config = _config(complete)
    check_ranges(config.target, config.serial, mistakes)
    return ReadConfig(text=text, config=config, mistakes=mistakes)


def config_of(
    content: Mapping[str, Any], *, file: str, folder: Path, with_workload: bool = True
) -> StudyConfig:
    """Return the config of what a file says, or would say.

    Args:
        content: By section.
        file: Its name for messages.
        folder: What relative paths start from.
        with_workload: As of ``load_config``.

    Raises:
        ConfigError: All that is wrong.
    """
    mistakes = Mistakes(file)
    given = checked(StudyFile, content, mistakes)
    mistakes.raise_any()
    assert given is not None, "without a mistake it is valid"
    complete = _completed(given, mistakes, folder=folder, with_workload=with_workload)
    mistakes.raise_any()
    config = _config(complete)
    check_ranges(config.target, config.serial, mistakes)
    mistakes.raise_any()
    return config


def _completed(
    given: StudyFile, mistakes: Mistakes, *, folder: Path, with_workload: bool
) -> StudyFile:
    try:
        return completed(given, mistakes, folder=folder, with_workload=with_workload)
    except OSError as error:  # too long, a circle of links, a folder that nobody may enter
        raise ConfigError(
            f"{mistakes.file} names a path that cannot be looked at: {error.strerror}:"
            f" {str(error.filename)[:120]!r}",
            fix="correct the path, or the permissions of its folder",
        ) from error


_STAND_INS: Mapping[tuple[str, ...], Any] = {
    ("study",): {},
    ("study", "name"): "study",
    ("study", "trials"): 1,
    ("workload",): {},
}
"""For what a config must have: where it is missing, the rest can be looked at."""


def config_from_json(text: str) -> StudyConfig:
    """Return the config that ``StudyConfig.to_json`` wrote, without a look at the files it names.

    So results can be read when the model or a target is gone.

    Raises:
        ConfigError: The text is not what ``to_json`` writes.
    """
    source = "the config in the database"
    try:
        content = parse_json(text)
    except ValueError as error:
        raise ConfigError(
            f"{source} is not JSON: {error}", fix="restore the database from a copy"
        ) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{source} is not an object", fix="restore the database from a copy")
    return _config(validated(StudyFile, content, file=source, context=STORED))


def _config(complete: StudyFile) -> StudyConfig:
    """Turn a complete file into the config that the program works with."""
    complete = _with_model_name(complete)
    target, workload, study = complete.target, complete.workload, complete.study
    workloads = _workloads(workload, complete.space.get(PARAMETER))
    assert target.clock_mhz is not None, "a complete file has it"
    memory = Memory(**target.memory.model_dump(exclude_none=True))
    target_fields = target.model_dump(
        exclude={"memory", "clock_mhz", "clock_range_mhz"}, exclude_none=True
    )
    clock_range_hz = None
    if target.clock_range_mhz is not None:
        lowest_mhz, highest_mhz = target.clock_range_mhz
        clock_range_hz = round(lowest_mhz * 1e6), round(highest_mhz * 1e6)
    return StudyConfig(
        name=study.name,
        trials=study.trials,
        workers=study.workers,
        executor=study.executor,
        scheduler=study.scheduler,
        seed=study.seed,
        fidelity=FIDELITIES[study.fidelity],
        promotes=study.promote != "all",
        promotes_by_gain=study.promote == "gain",
        promote_margin=study.promote_margin,
        promote_gain=study.promote_gain,
        suggest=Suggest(
            **complete.suggest.model_dump(exclude={"learn_from"}),
            learn_from=tuple(complete.suggest.learn_from),
        ),
        workload=next(iter(workloads.values())),
        variants={} if workload.models is None else workloads,
        target=Target(
            **target_fields,
            clock_hz=round(target.clock_mhz * 1e6),
            clock_range_hz=clock_range_hz,
            memory=memory,
        ),
        minimise=tuple(complete.objectives.minimise),
        maximise=tuple(complete.objectives.maximise),
        constraints={name: _bounds(given) for name, given in complete.constraints.items()},
        limits=Limits(**complete.limits.model_dump()),
        serial=Serial(**complete.serial.model_dump(exclude_none=True)),
        space={
            name: tuple(values) if isinstance(values, list) else (values,)
            for name, values in complete.space.items()
        },
        families=tuple(complete.cfu.families),
        metric_files=tuple(complete.metrics.files),
        cache_limit_bytes=complete.cache.limit,
        cache_remote=complete.cache.remote,
        machine_cores=complete.machine.cores,
        machine_memory_bytes=complete.machine.memory,
        notify=Notify(
            command=tuple(complete.notify.command),
            webhook=complete.notify.webhook,
            on=frozenset(complete.notify.on),
            stuck_after_s=complete.notify.stuck_after_s,
            failing_in_a_row=complete.notify.failing_in_a_row,
            disk_low_bytes=complete.notify.disk_low,
        ),
        # a config of before they were refused may hold an infinite one: nothing to compare with
        references=tuple(
            Reference(**entry.model_dump())
            for entry in complete.references
            if math.isfinite(entry.value)
        ),
        resolved=complete.model_dump(mode="json", exclude_none=True),
    )


def _workloads(
    section: WorkloadSection, allowed: Value | Sequence[Value] | None
) -> dict[str, Workload]:
    """Return the workload of each model of a complete section, by its value of ``model``.

    Args:
        section: Of a complete file.
        allowed: Which variants the space has, None for all: the others are not even looked at.
    """
    wanted = None if allowed is None else (allowed,) if isinstance(allowed, str | int) else allowed
    if section.models is not None:
        files, digests = section.models, section.models_sha256 or []
    else:
        files, digests = [section.model or "model"], [section.model_sha256 or ""]
    return {
        value: Workload(
            model=Path(file),
            model_sha256=digest,
            golden_inputs=section.golden_inputs,
            seed=section.seed,
            samples=None if section.samples is None else Path(section.samples),
            sample_encoding=section.sample_encoding,
            operator_folders=tuple(map(Path, section.operator_folders)),
        )
        for value, file, digest in zip(variant_values(files, digests), files, digests, strict=True)
        if section.models is None or wanted is None or value in wanted
    }


def _bounds(given: float | BoundsSection) -> Bounds:
    if not isinstance(given, BoundsSection):
        return Bounds(max=given)
    return Bounds(**given.model_dump(exclude_none=True))


def _with_model_name(given: StudyFile) -> StudyFile:
    """Return the file with ``serial.model_name``.

    It stays when the model's file is renamed later. Studies from before there was the key said
    the file's name, too. Variants each say their own.
    """
    if given.serial.model_name is not None or given.workload.model is None:
        return given
    name = printable_name(Path(given.workload.model).stem)
    return given.model_copy(update={"serial": given.serial.model_copy(update={"model_name": name})})


def differences(old: StudyConfig, new: StudyConfig) -> tuple[str, ...]:
    """Say which keys differ that decide what is measured; a moved file does not count."""
    before, after = _comparable(old), _comparable(new)
    found = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            section, _, name = key.rpartition(".")
            found.append(
                f"[{section}] {name}: {json.dumps(before.get(key))} in the database,"
                f" {json.dumps(after.get(key))} in the config"
            )
    return tuple(found)


def bounds_text(bounds: Bounds) -> str:
    """Write bounds as a condition: ``<= 20000``, ``>= 60``, ``60 to 80``."""
    if math.isinf(bounds.min):
        return f"<= {bounds.max:.10g}"
    if math.isinf(bounds.max):
        return f">= {bounds.min:.10g}"
    return f"{bounds.min:.10g} to {bounds.max:.10g}"


def _comparable(config: StudyConfig) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else key, inner)
        else:
            flat[prefix] = value

    # the target as it is understood: a key that an older version did not know has its default
    target = asdict(config.target)
    target["clock_mhz"] = target.pop("clock_hz") / 1e6
    clock_range_hz = target.pop("clock_range_hz")
    target["clock_range_mhz"] = clock_range_hz and [each / 1e6 for each in clock_range_hz]
    workload = comparable(config.resolved["workload"])
    walk("", {**config.resolved, "target": target, "workload": workload})
    named = ("workload.model", "workload.samples", "workload.sample_encoding", "references")
    for ignored in (*map(".".join, CHANGEABLE), *named):
        flat.pop(ignored, None)
    for name, bounds in config.constraints.items():  # a number or a table with max are the same
        flat[f"constraints.{name}"] = bounds_text(bounds)
        for bound in ("min", "max"):
            flat.pop(f"constraints.{name}.{bound}", None)
    for name, values in config.space.items():  # one value or a list of one are the same
        flat[f"space.{name}"] = list(values)
    return flat


def with_stop_gain(config: StudyConfig, stop_gain: float | None) -> StudyConfig:
    """Return the config with another ``suggest.stop_gain``; None keeps it.

    Raises:
        ConfigError: It is not a share: 0 or more, and less than 1.
    """
    if stop_gain is None:
        return config
    if not 0 <= stop_gain < 1:
        raise ConfigError(
            f"--stop-gain is {stop_gain:g}, which is no share of a front",
            fix="give 0 to never stop for it, or for example 0.01 for one per cent",
        )
    section = {**config.resolved["suggest"], "stop_gain": stop_gain}
    return replace(
        config,
        suggest=replace(config.suggest, stop_gain=stop_gain),
        resolved={**config.resolved, "suggest": section},
    )


def with_hours(config: StudyConfig, hours: float | None) -> StudyConfig:
    """Return the config with another ``suggest.hours`` to spend; None keeps it.

    Raises:
        ConfigError: It is not more than 0.
    """
    if hours is None:
        return config
    if not 0 < hours < math.inf:
        raise ConfigError(
            f"--hours is {hours:g}, which is no time to spend", fix="give for example 8, or 0.5"
        )
    section = {**config.resolved["suggest"], "budget": "hours", "hours": hours}
    return replace(
        config,
        suggest=replace(config.suggest, budget="hours", hours=hours),
        resolved={**config.resolved, "suggest": section},
    )


def with_budget(
    config: StudyConfig, *, trials: int | None = None, workers: int | None = None
) -> StudyConfig:
    """Return the config with another number of trials or workers; None keeps it."""
    section = dict(config.resolved["study"])
    section["trials"] = config.trials if trials is None else trials
    section["workers"] = config.workers if workers is None else workers
    return replace(
        config,
        trials=section["trials"],
        workers=section["workers"],
        resolved={**config.resolved, "study": section},
    )
