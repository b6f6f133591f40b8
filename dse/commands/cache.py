"""What ``cache`` prints and does: how full the cache is, what is damaged in it, what may go."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dse.output.report import table_text, time_text
from dse.words import bytes_text, plural
from runners.pipeline import Contents, Damaged, Entry, Shrunk
from runners.pipeline.scratch import sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLook:
    """What was found in a cache, and done to it.

    Attributes:
        root: Its folder.
        entries: What is left in it, least recently used first.
        damaged: Entries that are not what they say; None where nobody looked.
        swept: Folders of killed builds that were removed; None where nothing was to be removed.
        shrunk: What was removed to keep a limit; None without one.
    """

    root: Path
    entries: Sequence[Entry]
    damaged: Sequence[Damaged] | None
    swept: int | None
    shrunk: Shrunk | None

    @property
    def size_bytes(self) -> int:
        """What all entries take."""
        return sum(entry.size_bytes for entry in self.entries)


def look_at_cache(
    root: Path, *, verifies: bool, prunes: bool, limit_bytes: int | None
) -> CacheLook:
    """Look at a cache, and with ``prunes`` remove from it what nobody uses.

    Args:
        root: Its folder, which need not be there.
        verifies: Read every byte.
        prunes: Remove what killed builds left, what was found damaged, and what was used least
            recently, down to the limit.
        limit_bytes: Most bytes of all entries, or None.
    """
    contents = Contents(root)
    damaged = contents.damaged() if verifies else None
    swept = shrunk = None
    if prunes and root.is_dir():
        scratch = root / "scratch"
        swept = sweep(scratch) if scratch.is_dir() else 0
        for entry in damaged or ():
            contents.remove(entry.stage, entry.key)
        if limit_bytes is not None:
            shrunk = contents.shrink(limit_bytes)
    return CacheLook(
        root=root, entries=contents.entries(), damaged=damaged, swept=swept, shrunk=shrunk
    )


def cache_data(look: CacheLook) -> dict[str, Any]:
    """Return what was found and done as JSON values."""
    shrunk = look.shrunk
    return {
        "folder": str(look.root),
        "entries": len(look.entries),
        "bytes": look.size_bytes,
        "stages": [
            {"stage": stage, "entries": count, "bytes": size}
            for stage, count, size in _stages(look)
        ],
        "least_recently_used_s": look.entries[0].used_s if look.entries else None,
        "damaged": None
        if look.damaged is None
        else [
            {"stage": each.stage, "key": each.key, "folder": str(each.folder), "why": each.damage}
            for each in look.damaged
        ],
        "swept": look.swept,
        "removed": None if shrunk is None else shrunk.removed,
        "removed_bytes": None if shrunk is None else shrunk.removed_bytes,
    }


def cache_text(look: CacheLook) -> str:
    """Lay out what was found and done."""
    lines = [f"cache      {look.root}"]
    if look.entries:
        rows = [[stage, str(count), bytes_text(size)] for stage, count, size in _stages(look)]
        lines.append(f"size       {bytes_text(look.size_bytes)} in {_entries(len(look.entries))}")
        lines.append(f"oldest use {time_text(look.entries[0].used_s)} UTC")
        lines += ["", table_text(["stage", "entries", "size"], rows)]
    else:
        lines.append("size       empty")
    if look.swept is not None:
        lines += ["", f"removed    {plural(look.swept, 'folder')} of killed builds"]
    if look.shrunk is not None:
        count, size = look.shrunk.removed, bytes_text(look.shrunk.removed_bytes)
        lines.append(f"removed    {_entries(count)}, {size}: used least recently")
    if look.damaged is not None:
        lines += ["", f"verified   {_entries(len(look.damaged))} damaged"]
        lines += [f"  {each.folder}: {each.damage}" for each in look.damaged]
        if look.damaged and look.swept is None:
            lines.append("  fix: nothing: a trial that needs one builds it again; or --prune")
    return "\n".join(lines)


def _stages(look: CacheLook) -> list[tuple[str, int, int]]:
    """Return each stage with its entries and bytes, the largest first."""
    counts = Counter(entry.stage for entry in look.entries)
    sizes = Counter[str]()
    for entry in look.entries:
        sizes[entry.stage] += entry.size_bytes
    return [(stage, counts[stage], size) for stage, size in sizes.most_common()]


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"
