"""What a result depends on beside the design: sources, tools, target, workload."""

import functools
import hashlib
import json
from collections.abc import Iterable

from dse.config.study_config import StudyConfig
from runners.pipeline.sources import ROOT, source_digest
from runners.tools import all_identities

_ROOMS = ("contracts", "hw_templates", "sw_templates", "runners")
_NOT_SOURCES = {"__pycache__", "target"}


@functools.cache
def source_hash() -> str:
    """Return a hash of every file of the rooms that decide what a trial measures."""
    whole = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            relative = path.relative_to(ROOT)
            if path.is_file() and not _NOT_SOURCES.intersection(relative.parts):
                content = path.read_bytes()
                whole.update(f"{relative.as_posix()}\0{len(content)}\0".encode())
                whole.update(content)
    return whole.hexdigest()


def context_of(config: StudyConfig) -> str:
    """Return the hash under which results of equal designs and fidelity may be shared.

    Raises:
        ToolMissing: An outside program that trials need is not installed.
    """
    resolved = config.resolved
    facts = {
        "target": resolved["target"],
        "workload": {
            key: resolved["workload"][key] for key in ("model_sha256", "golden_inputs", "seed")
        },
        "cycle_limit": config.limits.cycles,
        "serial": resolved["serial"],
        "families": _family_digests(config.families),
        "sources": source_hash(),
        "tools": all_identities(),
    }
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
            (source.name, source_digest(source))
            for source in (
                *family.sources,
                *(() if family.kernels is None else (family.kernels.folder,)),
            )
        )
        for family in own
    ]


def _digest(parts: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()
