"""What a config must be beyond its types: names, paths and metrics that exist."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from contracts.metric import MetricDefinition
from dse.config.contradictions import contradictions
from dse.config.errors import read_toml, validated
from dse.config.file import (
    FIDELITIES,
    BoundsSection,
    CacheSection,
    CfuSection,
    MemorySection,
    MetricsSection,
    NotifySection,
    ObjectivesSection,
    Setting,
    StudyFile,
    TargetFile,
    TargetSection,
    WorkloadSection,
)
from dse.config.mistakes import Mistakes
from dse.config.variants import (
    PARAMETER,
    variant_digests,
    variant_files,
    variant_values,
    variants_meant,
)
from dse.shipped import TARGETS
from dse.suggest.algorithms import learners_from_others
from dse.words import closest, plural, suggestion
from hw_templates.soc.config import PAGE_BYTES
from hw_templates.soc.fpga_boards import FPGA_BOARDS
from runners.fpga import METRICS, PARTS, family_of_part
from runners.fpga.family import UnplacedFamily
from runners.job import Memory, Serial, Target
from runners.measuring.metrics import OF_SAMPLES, measured_by, metrics_with
from runners.stages.socs import board_soc, simulated_soc
from sw_templates.options import FirmwareOptions


def completed(
    given: StudyFile, mistakes: Mistakes, *, folder: Path, with_workload: bool = True
) -> StudyFile:
    """Return a config with nothing left to look up: absolute paths, a digest, a whole target.

    Where something is wrong, the part of the result that rests on it is a stand-in.

    Args:
        given: What the file says.
        mistakes: Of the file so far; gets what is wrong with names, paths, metrics and lists of
            values.
        folder: What relative paths start from.
        with_workload: Look at the model and the samples. A space depends on neither, but on
            variants, which are looked at in any case.
    """
    file = mistakes.file
    with mistakes.checking("study.promote", "study.fidelity"):
        _check_promotion(given, file=file)
    _check_suggest(given, mistakes)
    target = _target(given.target, mistakes, folder=folder)
    if target is None:
        mistakes.doubt("target")
        target = _TARGET_STAND_IN
    part = target.part or next(iter(PARTS))  # the stand-in has none
    with mistakes.checking("study.fidelity"):
        _check_is_placed(given, part, file=file)
    if "objectives" not in given.model_fields_set:
        given = given.model_copy(update={"objectives": _default_objectives(part)})
    metric_files = []
    for name in given.metrics.files:
        with mistakes.checking("metrics.files"):
            metric_files.append(metric_path(name, folder=folder, file=file))
    definitions = metrics_with([])
    if len(metric_files) < len(given.metrics.files):
        mistakes.doubt("metrics")
    with mistakes.checking("metrics"):
        definitions = metrics_with(metric_files)
    _check_objectives(given, mistakes)
    if mistakes.is_certain("metrics"):
        _check_metrics(given, definitions, mistakes, part=part)
    _check_directions(given, definitions, mistakes)
    _check_constraints(given, definitions, mistakes)
    for what, fix in contradictions(given, target if mistakes.is_certain("target") else None):
        mistakes.add(f"[constraints] {what}", fix)
    for reference in given.references:
        if reference.metric not in definitions and mistakes.is_certain("metrics"):
            mistakes.add(
                f"[references] metric is {reference.metric!r}, which is no metric",
                suggestion(reference.metric, definitions),
            )
    for name, values in given.space.items():
        if values == []:
            mistakes.add(
                f"[space] {name} is an empty list, so the space is empty",
                "name at least one value, or leave the key out to allow all",
                where=("space", name),
            )
    space = {name: values for name, values in given.space.items() if values != []}
    workload = _workload(given.workload, mistakes, folder=folder, with_workload=with_workload)
    try:
        space = _space(space, workload, file=file)
    except ConfigError as error:
        mistakes.keep(error, where=("space", PARAMETER))
    if not mistakes.is_certain(f"space.{PARAMETER}", *(f"workload.{key}" for key in _MODEL_KEYS)):
        space.pop(PARAMETER, None)
    families = []
    for name in given.cfu.families:
        with mistakes.checking("cfu.families"):
            families.append(family_path(name, folder=folder, file=file))
    if len(families) < len(given.cfu.families):
        mistakes.doubt("cfu")
    cache, notify = given.cache, given.notify
    with mistakes.checking("cache.remote"):
        cache = _cache(given.cache, folder=folder, file=file)
    with mistakes.checking("notify.command"):
        notify = _notify(given.notify, folder=folder, file=file)
    return given.model_copy(
        update={
            "target": target,
            "workload": workload,
            "space": space,
            "cfu": CfuSection(families=families),
            "metrics": MetricsSection(files=metric_files),
            "cache": cache,
            "notify": notify,
        }
    )


_TARGET_STAND_IN = TargetSection(
    name="none",
    board="",
    part="",
    clock_mhz=50.0,
    clock_policy="pinned",
    memory=MemorySection(**asdict(Memory())),
)
"""Stands where the target is wrong, so that the rest can be looked at; nothing is told of it."""


def _cache(given: CacheSection, *, folder: Path, file: str) -> CacheSection:
    """Return the section with a whole address of the second place.

    Raises:
        ConfigError: Nothing understands the address.
    """
    if given.remote is None:
        return given
    if "://" not in given.remote:
        return given.model_copy(update={"remote": (folder / given.remote).resolve().as_uri()})
    import fsspec  # takes a second, and few ask for it

    try:
        fsspec.get_filesystem_class(given.remote.partition("://")[0].partition("::")[0])
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"{file}: [cache] remote is {given.remote!r}, which cannot be used: {error}",
            fix="use a folder, or an address such as ssh://host/folder or s3://bucket/folder, and"
            " install what the message names",
        ) from error
    return given


def _notify(given: NotifySection, *, folder: Path, file: str) -> NotifySection:
    """Return whom to tell, the program by its whole path.

    Raises:
        ConfigError: There is no such program.
    """
    if not given.command:
        return given
    program, *words = given.command
    named = str(folder / program) if "/" in program else program
    if shutil.which(named) is None:
        raise ConfigError(
            f"{file}: [notify] command starts with {program!r}, and there is no such program",
            fix="write a list of words: a program on PATH or its path, then its arguments; no shell"
            " reads it",
        )
    return given.model_copy(update={"command": [named, *words]})


def _target(given: TargetSection, mistakes: Mistakes, *, folder: Path) -> TargetSection | None:
    """Return the target with every key: the named file with the section's keys laid over it.

    Returns:
        None where anything in it is wrong or in doubt.
    """
    if not mistakes.is_certain("target.name"):
        return None
    file = mistakes.file
    fields = given.model_dump(exclude_none=True)
    places = (folder / "targets", TARGETS)
    found = [path for place in places if (path := place / f"{given.name}.toml").is_file()]
    if found:
        base = {}
        with mistakes.checking("target.name"):
            _, content = read_toml(found[0])
            base = validated(TargetFile, content, file=str(found[0])).model_dump(exclude_none=True)
        if not base:
            return None
        fields = base | fields | {"memory": base["memory"] | fields["memory"]}
    elif not {"board", "part", "clock_mhz"} <= fields.keys():
        if mistakes.is_certain("target.board", "target.part", "target.clock_mhz"):
            names = sorted({path.stem for place in places for path in place.glob("*.toml")})
            mistakes.add(
                f"[target] name is {given.name!r}, and there is no such target",
                f"{suggestion(given.name, names)}; or give board, part and clock_mhz here",
                where=("target", "name"),
            )
        return None
    for key, known in (("part", PARTS), ("board", FPGA_BOARDS)):
        if fields[key] not in known and mistakes.is_certain(f"target.{key}"):
            mistakes.add(
                f"[target] {key} is {fields[key]!r}, which is not a known {key}",
                suggestion(fields[key], known),
                where=("target", key),
            )
    try:
        _require_clocks(fields, file=file, target_file=str(found[0]) if found else file)
    except ConfigError as error:
        if mistakes.is_certain(*(f"target.{key}" for key in _CLOCK_KEYS)):
            mistakes.keep(error, where=("target", "clock_range_mhz"))
    memory = asdict(Memory(**fields["memory"]))
    for name, size in memory.items():
        if name == "size_bytes" and memory["kind"] == "on-chip":
            if size % PAGE_BYTES:
                below = size // PAGE_BYTES * PAGE_BYTES
                mistakes.add(
                    f"[target.memory] size_bytes is {size}, which is not a multiple of"
                    f" {PAGE_BYTES}",
                    f"use {below} or {below + PAGE_BYTES}",
                    where=("target", "memory", name),
                )
        elif name.endswith("_bytes") and size & (size - 1):
            mistakes.add(
                f"[target.memory] {name} is {size}, which is not a power of two",
                f"use {1 << size.bit_length() - 1} or {1 << size.bit_length()}",
                where=("target", "memory", name),
            )
    if not mistakes.is_certain("target"):
        return None
    return TargetSection(**{**fields, "memory": MemorySection(**memory)})


_CLOCK_KEYS = ("clock_mhz", "clock_range_mhz", "clock_policy")


def _require_clocks(fields: Mapping[str, Any], *, file: str, target_file: str) -> None:
    """Check that a target says which clocks its designs may have.

    Raises:
        ConfigError: It names one clock only, as targets did before they had a range, or the range
            is not one.
    """
    clock_mhz, found = fields["clock_mhz"], fields.get("clock_range_mhz")
    if fields.get("clock_policy") == "pinned":
        return
    if found is None:
        raise ConfigError(
            f"{target_file}: the target {fields['name']} has clock_mhz = {clock_mhz:g} and no"
            " clock_range_mhz: which clocks its designs may be settled on is not said",
            fix=f"add clock_range_mhz = [lowest, highest] to it, around {clock_mhz:g}; or"
            f" clock_policy = 'pinned', if {clock_mhz:g} is the only clock that will do",
        )
    lowest_mhz, highest_mhz = found
    if not lowest_mhz <= clock_mhz <= highest_mhz or lowest_mhz == highest_mhz:
        raise ConfigError(
            f"{file}: [target] clock_range_mhz is [{lowest_mhz:g}, {highest_mhz:g}], and clock_mhz"
            f" is {clock_mhz:g}",
            fix="write the lowest clock, then the highest, with clock_mhz between them; for one"
            " clock alone set clock_policy = 'pinned'",
        )


def _workload(
    section: WorkloadSection, mistakes: Mistakes, *, folder: Path, with_workload: bool
) -> WorkloadSection:
    """Return the section with absolute paths and the digests of its models."""
    file = mistakes.file
    models: dict[str, Any] = {}
    try:
        models = _models(section, folder=folder, file=file, with_workload=with_workload)
    except ConfigError as error:
        if mistakes.is_certain(*(f"workload.{key}" for key in _MODEL_KEYS)):
            mistakes.keep(error)
        for key in _MODEL_KEYS:
            mistakes.doubt("workload", key)
        models = {**dict.fromkeys(_MODEL_KEYS), "model": section.model or "model"}
    if not with_workload:
        return section.model_copy(update=models)
    samples = None if section.samples is None else (folder / section.samples).resolve()
    if samples is not None and not samples.is_dir():
        mistakes.add(
            f"[workload] samples is {section.samples!r}, and there is no folder {samples}",
            "correct the path, or leave the key out: only `accuracy` and its metrics need it",
            where=("workload", "samples"),
        )
    folders = [(folder / name).resolve() for name in section.operator_folders]
    for name, path in zip(section.operator_folders, folders, strict=True):
        if not path.is_dir():
            mistakes.add(
                f"[workload] operator_folders has {name!r}, and there is no folder {path}",
                "correct the path; it starts at the config",
                where=("workload", "operator_folders"),
            )
    return section.model_copy(
        update={
            **models,
            "samples": None if samples is None else str(samples),
            "operator_folders": list(map(str, folders)),
        }
    )


_MODEL_KEYS = ("model", "model_sha256", "models", "models_sha256")


def _models(
    section: WorkloadSection, *, folder: Path, file: str, with_workload: bool
) -> dict[str, Any]:
    """Return the keys of the section that name its models and their contents."""
    if (section.model is None) == (section.models is None):
        found = "neither" if section.model is None else "both"
        raise ConfigError(
            f"{file}: [workload] has {found} of model and models",
            fix="name one network as model, or variants of one as models",
        )
    if section.models is None:
        if section.models_sha256 is not None:
            raise ConfigError(
                f"{file}: [workload] models_sha256 is there without models",
                fix="write model_sha256 for a single model",
            )
        assert section.model is not None
        if not with_workload:
            return {}
        model = (folder / section.model).resolve()
        return {
            "model": str(model),
            "model_sha256": _model_digest(model, section, file=file),
        }
    if section.model_sha256 is not None:
        raise ConfigError(
            f"{file}: [workload] model_sha256 is there without model",
            fix="write models_sha256, a list in the order of the files",
        )
    paths = variant_files(section.models, folder=folder, file=file)
    digests = variant_digests(paths, section.models_sha256, file=file)
    return {"models": list(map(str, paths)), "models_sha256": list(digests)}


def _space(
    given: Mapping[str, Setting | list[Setting]], workload: WorkloadSection, *, file: str
) -> dict[str, Setting | list[Setting]]:
    """Return ``[space]`` with variants that are named by their files as values of ``model``."""
    if PARAMETER not in given or workload.models is None or workload.models_sha256 is None:
        return dict(given)
    values = variant_values(workload.models, workload.models_sha256)
    return {**given, PARAMETER: variants_meant(given[PARAMETER], values, file=file)}


def _model_digest(model: Path, section: WorkloadSection, *, file: str) -> str:
    if not model.is_file():
        near = closest(model.name, (path.name for path in model.parent.glob("*.tflite")))
        raise ConfigError(
            f"{file}: [workload] model is {section.model!r}, and there is no file {model}",
            fix=f"did you mean {near!r}?" if near else "correct the path; it starts at the config",
        )
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    if section.model_sha256 not in (None, digest):
        raise ConfigError(
            f"{file}: [workload] model_sha256 does not fit {model}, whose SHA-256 is {digest}",
            fix="bring the file back that was meant, or correct the key",
        )
    return digest


def family_path(name: str, *, folder: Path, file: str) -> str:
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


def metric_path(name: str, *, folder: Path, file: str) -> str:
    """Return a file of metrics as an absolute path."""
    path = (folder / name).resolve()
    if not path.is_file():
        raise ConfigError(
            f"{file}: [metrics] files has {name!r}, and there is no file {path}",
            fix="give the path of a Python file relative to the config",
        )
    return str(path)


def _check_objectives(given: StudyFile, mistakes: Mistakes) -> None:
    objectives = given.objectives.minimise + given.objectives.maximise
    if not mistakes.is_certain("objectives"):
        return
    twice = sorted({name for name in objectives if objectives.count(name) > 1})
    if twice:
        mistakes.add(f"[objectives] names {', '.join(twice)} twice", "name it once")
    elif not 1 <= len(objectives) <= _MOST_OBJECTIVES:
        mistakes.add(
            f"[objectives] names {plural(len(objectives), 'metric')}:"
            f" {', '.join(objectives) or 'none'}",
            "name one to three; others can be limits, under [constraints]",
        )


_MOST_OBJECTIVES = 3


def _check_metrics(
    given: StudyFile,
    definitions: Mapping[str, MetricDefinition],
    mistakes: Mistakes,
    *,
    part: str,
) -> None:
    """Check that every metric that is named will be measured; one of another part is not known."""
    study = given.study
    reached = study.fidelity if study.promote == "all" else "synthesise"
    known = measured_by(
        FIDELITIES[reached],
        part=part,
        definitions=definitions,
        with_samples=given.workload.samples is not None,
    )
    if not mistakes.is_certain("study.fidelity", "study.promote", "workload.samples"):
        known = tuple(definitions)  # what is measured is in doubt, but not what there is
    of_samples = {each.name for each in OF_SAMPLES}
    of_parts = set() if mistakes.is_certain("target") else {metric.name for metric in METRICS}
    objectives = given.objectives.minimise + given.objectives.maximise
    for section, names in (("objectives", objectives), ("constraints", given.constraints)):
        for name in names:
            if name in of_samples - set(known):
                mistakes.add(
                    f"[{section}] {name!r} is measured with labelled samples, and"
                    " [workload] names none",
                    "name their folder: workload.samples; see docs/how-to/use-your-own-model.md",
                )
            elif name not in known and name not in of_parts:
                mistakes.add(
                    f"[{section}] {name!r} is measured by no stage of a study with"
                    f" fidelity {reached!r}",
                    _instead_of(name, known, definitions),
                )


def _instead_of(
    name: str, known: Sequence[str], definitions: Mapping[str, MetricDefinition]
) -> str:
    """Say which metric to name, or how far trials must go for this one."""
    if name in definitions:
        further = [
            fidelity
            for fidelity, reached in FIDELITIES.items()
            if definitions[name].is_measured_at(reached)
        ]
        if further and name not in {metric.name for metric in METRICS}:
            return f"set study.fidelity = {further[0]!r}; {suggestion(name, known)}"
    return suggestion(name, known)


def _check_directions(
    given: StudyFile, definitions: Mapping[str, MetricDefinition], mistakes: Mistakes
) -> None:
    for key, other, better in (
        ("minimise", "maximise", "lower"),
        ("maximise", "minimise", "higher"),
    ):
        for name in getattr(given.objectives, key):
            if name in definitions and definitions[name].better not in (None, better):
                mistakes.add(
                    f"[objectives] {key} has {name!r}, which is better when"
                    f" {definitions[name].better}",
                    f"move it to {other}",
                )


def _check_constraints(
    given: StudyFile, definitions: Mapping[str, MetricDefinition], mistakes: Mistakes
) -> None:
    for name, bounds in given.constraints.items():
        what = f"[constraints] {name}"
        if not isinstance(bounds, BoundsSection):
            if name in definitions and definitions[name].better == "higher":
                mistakes.add(
                    f"{what} is {bounds:.10g}, which would be its largest value, and it is better"
                    " when higher",
                    f"write {{min = {bounds:.10g}}}, or {{max = {bounds:.10g}}} if you mean that",
                )
        elif bounds.min is None and bounds.max is None:
            mistakes.add(f"{what} has no bound", "give min, max or both")
        elif bounds.min is not None and bounds.max is not None and bounds.min > bounds.max:
            mistakes.add(
                f"{what} has min {bounds.min:.10g}, which is above its max {bounds.max:.10g}",
                "exchange them, or leave one out",
            )


def _check_promotion(given: StudyFile, *, file: str) -> None:
    if given.study.promote != "all" and given.study.fidelity not in ("place", "board"):
        raise ConfigError(
            f"{file}: [study] promote is {given.study.promote!r}, but fidelity is"
            f" {given.study.fidelity!r}:"
            " there is nothing to promote to",
            fix='set fidelity = "place" or "board", or leave promote out',
        )


def _check_is_placed(given: StudyFile, part: str, *, file: str) -> None:
    """Check that trials do not go further than the tools of the target's part."""
    family, fidelity = family_of_part(part), given.study.fidelity
    if isinstance(family, UnplacedFamily) and fidelity in ("place", "board"):
        family.refuse(
            f"{file}: [study] fidelity is {fidelity!r} with the part {part}",
            fix='set fidelity = "synthesise": cells, and latency at target.clock_mhz',
        )


def _default_objectives(part: str) -> ObjectivesSection:
    """Return what a study minimises that does not say it: latency, and what the part is made of."""
    look_up_tables = family_of_part(part).resources[0].name
    return ObjectivesSection(minimise=["latency_us", look_up_tables])


def _check_suggest(given: StudyFile, mistakes: Mistakes) -> None:
    """Check what to spend, and what can be known of ``learn_from`` without the database."""
    names, algorithm = given.suggest.learn_from, given.suggest.algorithm
    if (
        names
        and mistakes.is_certain("suggest.algorithm")
        and algorithm not in (learners := learners_from_others())
    ):
        mistakes.add(
            f"[suggest] learn_from names {', '.join(names)}, and algorithm {algorithm!r} learns"
            " from no other study",
            f"use algorithm {' or '.join(map(repr, learners))}, or leave learn_from out",
        )
    budget, hours = given.suggest.budget, given.suggest.hours
    if budget == "hours" and hours is None and mistakes.is_certain("suggest.hours"):
        mistakes.add(
            "[suggest] budget is 'hours', and hours does not say how many",
            "add for example hours = 8",
        )
    if budget == "trials" and hours is not None and mistakes.is_certain("suggest.budget"):
        mistakes.add(
            f"[suggest] hours is {hours:g}, but budget is 'trials', which spends no hours",
            "set budget = 'hours', or leave hours out",
        )
    if budget == "hours" and given.suggest.reproducible and mistakes.is_certain("suggest"):
        mistakes.add(
            "[suggest] reproducible is true, but budget is 'hours', and what trials take is never"
            " the same twice",
            "set budget = 'trials', or leave reproducible out",
        )
    for name in dict.fromkeys(names):
        if name == given.study.name and mistakes.is_certain("study.name"):
            mistakes.add(
                f"[suggest] learn_from names {name}, which is this study itself",
                "name other studies of the same database",
            )
        if names.count(name) > 1:
            mistakes.add(
                f"[suggest] learn_from names {name} {names.count(name)} times",
                "name each study once",
            )


def check_ranges(target: Target, serial: Serial, mistakes: Mistakes) -> None:
    """Check what only the generators know: clocks, memory sizes, names on the serial line."""
    for section, make in (
        ("target", lambda: simulated_soc(target, with_cfu=True)),
        ("target", lambda: board_soc(target, with_cfu=True)),
        ("serial", lambda: _names(serial)),
    ):
        if mistakes.is_certain(section):
            try:
                make()
            except ConfigError as error:
                mistakes.add(f"[{section}] {error.what}", error.fix, where=(section,))


def _names(serial: Serial) -> FirmwareOptions:
    return FirmwareOptions(device_name=serial.device_name, model_name=serial.model_name)
