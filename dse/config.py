"""Study configs: TOML in, a frozen and checked StudyConfig out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.config_errors import closest, read_toml, suggestion, validated
from dse.config_file import (
    FIDELITIES,
    READY_FIDELITIES,
    TARGETS,
    StudyFile,
    TargetFile,
    TargetSection,
    WorkloadSection,
)
from runners.job import Job, Limits, Memory, Serial, Target, Workload

CHANGEABLE = (("study", "trials"), ("study", "workers"), ("suggest", "timeout_s"))
"""Keys that may differ when a study is continued: they do not change what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggest:
    """The search algorithm and the seconds that one call may take."""

    algorithm: str
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """A study as it will be run: all paths absolute, all names resolved.

    Attributes:
        name: Of the study; unique in a database.
        trials: Budget: trials in the study altogether.
        workers: Trials at the same time.
        seed: Of the search.
        fidelity: How far each trial goes.
        suggest: The algorithm.
        workload: The model and its inputs.
        target: Board, part, memory and clock.
        minimise: Objectives where less is better.
        maximise: Objectives where more is better.
        constraints: Metric to the largest value that counts as feasible.
        limits: When to give up.
        serial: Names on the serial line.
        space: Restrictions: parameter name to its allowed values.
        families: The user's own CFU families: modules or absolute paths of files.
        resolved: The same as plain data; itself the content of a valid config file.
    """

    name: str
    trials: int
    workers: int
    seed: int
    fidelity: Fidelity
    suggest: Suggest
    workload: Workload
    target: Target
    minimise: tuple[str, ...]
    maximise: tuple[str, ...]
    constraints: Mapping[str, float]
    limits: Limits
    serial: Serial
    space: Mapping[str, tuple[Value, ...]]
    families: tuple[str, ...]
    resolved: Mapping[str, Any]

    @property
    def objectives(self) -> tuple[str, ...]:
        """All objectives in the order in which tables show them."""
        return self.minimise + self.maximise

    def to_json(self) -> str:
        """Return the text that ``config_from_json`` reads."""
        return json.dumps(self.resolved, indent=1, sort_keys=True)

    def job(self, design: Mapping[str, Value]) -> Job:
        """Return what a runner needs to measure ``design``."""
        return Job(
            design=dict(design),
            target=self.target,
            workload=self.workload,
            fidelity=self.fidelity,
            serial=self.serial,
            limits=self.limits,
            families=self.families,
        )


def load_config(path: Path) -> tuple[str, StudyConfig]:
    """Read and resolve a config file; return its text and the config.

    Paths in the file are relative to its folder.

    Raises:
        ConfigError: The first thing that is wrong: file, key, what was found, what is allowed.
    """
    text, content = read_toml(path)
    return text, resolve(content, folder=path.parent.resolve(), file=str(path))


def config_from_json(text: str) -> StudyConfig:
    """Return the config that ``StudyConfig.to_json`` wrote, without a look at the files it names.

    So results can be read when the model is gone.
    """
    return resolve(
        json.loads(text), folder=Path("/"), file="the config in the database", files_exist=False
    )


def resolve(
    content: Mapping[str, Any], *, folder: Path, file: str, files_exist: bool = True
) -> StudyConfig:
    """Check the content of a config file and resolve its names and paths.

    Args:
        content: What the TOML says.
        folder: What relative paths start from.
        file: Name of the file for messages.
        files_exist: False for a config that was checked when it was stored.

    Raises:
        ConfigError: As ``load_config``.
    """
    given = validated(StudyFile, content, file=file)
    if given.study.fidelity not in READY_FIDELITIES:
        raise ConfigError(
            f"{file}: [study] fidelity is {given.study.fidelity!r}, which is not available yet",
            fix=f"use one of: {', '.join(READY_FIDELITIES)}",
        )
    target = _target(given.target, folder=folder, file=file)
    workload = _workload(given, folder=folder, file=file, files_exist=files_exist)
    families = tuple(
        name if not files_exist else _family(name, folder=folder, file=file)
        for name in given.cfu.families
    )
    _check_metrics(given, file=file)
    space = {
        name: tuple(values) if isinstance(values, list) else (values,)
        for name, values in given.space.items()
    }
    for name, values in space.items():
        if not values:
            raise ConfigError(
                f"{file}: [space] {name} is an empty list, so the space is empty",
                fix="name at least one value, or leave the key out to allow all",
            )
    limits = Limits(**given.limits.model_dump())
    serial = Serial(**given.serial.model_dump())
    resolved = given.model_dump(mode="json", exclude_none=True)
    resolved["target"] = asdict(target)
    resolved["workload"] = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(workload).items()
        if value is not None
    }
    resolved["cfu"] = {"families": list(families)}
    return StudyConfig(
        name=given.study.name,
        trials=given.study.trials,
        workers=given.study.workers,
        seed=given.study.seed,
        fidelity=FIDELITIES[given.study.fidelity],
        suggest=Suggest(
            algorithm=given.suggest.algorithm, timeout_s=float(given.suggest.timeout_s)
        ),
        workload=workload,
        target=target,
        minimise=tuple(given.objectives.minimise),
        maximise=tuple(given.objectives.maximise),
        constraints=dict(given.constraints),
        limits=limits,
        serial=serial,
        space=space,
        families=families,
        resolved=resolved,
    )


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


def _comparable(config: StudyConfig) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else key, inner)
        else:
            flat[prefix] = value

    walk("", dict(config.resolved))
    for ignored in (*map(".".join, CHANGEABLE), "workload.model", "workload.samples"):
        flat.pop(ignored, None)
    for name, values in config.space.items():  # one value or a list of one are the same
        flat[f"space.{name}"] = list(values)
    return flat


def _target(given: TargetSection, *, folder: Path, file: str) -> Target:
    """Return the target: the named file with the section's keys laid over it."""
    fields = given.model_dump(exclude_none=True)
    places = (folder / "targets", TARGETS)
    found = [path for place in places if (path := place / f"{given.name}.toml").is_file()]
    if found:
        _, content = read_toml(found[0])
        base = validated(TargetFile, content, file=str(found[0])).model_dump(exclude_none=True)
        fields = base | fields | {"memory": base["memory"] | fields["memory"]}
    elif not {"board", "part", "clock_mhz"} <= fields.keys():
        names = sorted({path.stem for place in places for path in place.glob("*.toml")})
        raise ConfigError(
            f"{file}: [target] name is {given.name!r}, and there is no such target",
            fix=f"{suggestion(given.name, names)}; or give board, part and clock_mhz here",
        )
    from runners.parts import PARTS

    if fields["part"] not in PARTS:
        raise ConfigError(
            f"{file}: [target] part is {fields['part']!r}, which is not a known part",
            fix=suggestion(fields["part"], PARTS),
        )
    memory = Memory(**fields["memory"])
    for name in ("size_bytes", "sram_bytes", "l2_bytes", "rom_bytes"):
        size = getattr(memory, name)
        if size & (size - 1):
            raise ConfigError(
                f"{file}: [target.memory] {name} is {size}, which is not a power of two",
                fix=f"use {1 << size.bit_length() - 1} or {1 << size.bit_length()}",
            )
    return Target(**{**fields, "clock_mhz": float(fields["clock_mhz"]), "memory": memory})


def _workload(given: StudyFile, *, folder: Path, file: str, files_exist: bool) -> Workload:
    section = given.workload
    model = folder / section.model
    samples = None if section.samples is None else folder / section.samples
    digest = section.model_sha256 or ""
    if files_exist:
        model = model.resolve()
        digest = _model_digest(model, section, file=file)
        samples = samples and _samples_folder(samples, section, file=file)
    return Workload(
        model=model,
        model_sha256=digest,
        golden_inputs=section.golden_inputs,
        seed=section.seed,
        samples=samples,
    )


def _model_digest(model: Path, section: WorkloadSection, *, file: str) -> str:
    if not model.is_file():
        near = closest(model.name, (path.name for path in model.parent.glob("*.tflite")))
        raise ConfigError(
            f"{file}: [workload] model is {section.model!r}, and there is no file {model}",
            fix=f"did you mean {near!r}?" if near else "correct the path; it starts at the config",
        )
    digest = _sha256(model)
    if section.model_sha256 not in (None, digest):
        raise ConfigError(
            f"{file}: [workload] model_sha256 does not fit {model}, whose SHA-256 is {digest}",
            fix="bring the file back that was meant, or correct the key",
        )
    return digest


def _samples_folder(samples: Path, section: WorkloadSection, *, file: str) -> Path:
    samples = samples.resolve()
    if not samples.is_dir():
        raise ConfigError(
            f"{file}: [workload] samples is {section.samples!r}, and there is no folder {samples}",
            fix="correct the path, or leave the key out: only `accuracy` needs it",
        )
    return samples


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _family(name: str, *, folder: Path, file: str) -> str:
    """Return a module's name as it is and a file's path made absolute."""
    if _is_module_name(name):
        return name
    path = (folder / name).resolve()
    if not path.is_file():
        raise ConfigError(
            f"{file}: [cfu] families has {name!r}, and there is no file {path}",
            fix="give a Python module, or the path of a file relative to the config",
        )
    return str(path)


def _is_module_name(name: str) -> bool:
    parts = name.split(".")
    return all(part.isidentifier() for part in parts) and parts[-1] not in ("py", "v", "toml")


def _check_metrics(given: StudyFile, *, file: str) -> None:
    from dse.metrics import measured_by

    objectives = given.objectives.minimise + given.objectives.maximise
    if not 2 <= len(set(objectives)) <= 3 or len(set(objectives)) != len(objectives):
        raise ConfigError(
            f"{file}: [objectives] names {len(objectives)} metrics: {', '.join(objectives)}",
            fix="name two or three different ones",
        )
    known = measured_by(FIDELITIES[given.study.fidelity])
    for section, names in (("objectives", objectives), ("constraints", given.constraints)):
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"{file}: [{section}] {name!r} is measured by no stage of a study with"
                    f" fidelity {given.study.fidelity!r}",
                    fix=suggestion(name, known),
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
