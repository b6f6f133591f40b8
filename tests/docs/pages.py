"""Markdown as these tests see it: pages, headings, tables, links, fenced blocks."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```([a-z]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block.

    Attributes:
        page: Where it stands, relative to the root.
        language: What stands behind the fence.
        text: Its content without common indentation.
    """

    page: str
    language: str
    text: str


def page_paths() -> list[Path]:
    """Return the pages that these tests look after, those that are there."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    pages = [*sorted((ROOT / "docs").rglob("*.md")), *top, ROOT / "ARCHITECTURE.md"]
    return [path for path in pages if path.exists()]


def blocks(language: str) -> list[Block]:
    """Return all fenced blocks of a language on all pages."""
    return [
        Block(page=str(path.relative_to(ROOT)), language=found[2], text=textwrap.dedent(found[3]))
        for path in page_paths()
        for found in _FENCE.finditer(path.read_text())
        if found[2] == language
    ]


def named_blocks(language: str, comment: str = "#") -> dict[str, str]:
    """Return the blocks whose first line is a comment that names a file, by that name."""
    found = {}
    for block in blocks(language):
        first = block.text.splitlines()[0]
        if re.fullmatch(rf"{comment} [\w./-]+\.\w+", first):
            found[first.removeprefix(comment).strip()] = block.text
    return found


def prose(path: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", path.read_text())


def links(path: Path) -> list[str]:
    """Return the targets of a page's links."""
    return _LINK.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked to."""
    found = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    lines = (ROOT / page).read_text().splitlines()
    assert heading in lines, f"{page} has no heading {heading!r}"
    rest = lines[lines.index(heading) + 1 :]
    ends = (n for n, line in enumerate(rest) if re.match(rf"#{{1,{level}}} ", line))
    return "\n".join(rest[: next(ends, len(rest))])


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of all table rows, headers included, backticks removed."""
    for line in text.splitlines():
        if line.startswith("|") and not re.fullmatch(r"[|\- ]+", line):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            yield [cell.strip().replace("`", "").replace("\\|", "|") for cell in cells]


def table(page: str) -> dict[str, list[str]]:
    """Return the rows of all tables of a page by their first cell; the first of equal ones."""
    found: dict[str, list[str]] = {}
    for cells in rows((ROOT / page).read_text()):
        found.setdefault(cells[0], cells[1:])
    return found
