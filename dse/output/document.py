"""A short document, and how it is written: plain text, Markdown, HTML. Every text is escaped.

What a document says comes from a database, which may be anybody's: no text of it becomes a tag,
a link, a table's column or a terminal's command.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dse.output.report import table_text
from dse.words import printable

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&$])")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1c2024}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{padding:.25em .8em;border-bottom:1px solid #e1e4e8;text-align:left;vertical-align:top}
code{background:#f0f2f4;padding:.1em .3em}svg{max-width:100%;height:auto}
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}
th,td{border-color:#33383e}code{background:#24282d}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts under a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of a list; ``command`` is what to type about it, or empty."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a document.

    Attributes:
        heading: What it is about.
        lines: Sentences.
        table: Below them, or None.
        items: Below that.
        picture: An SVG element that goes before the table in HTML, or empty.
        picture_file: The same as a file beside the Markdown, or empty.
    """

    heading: str
    lines: Sequence[str] = ()
    table: Table | None = None
    items: Sequence[Item] = ()
    picture: str = ""
    picture_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A title, and what follows it."""

    title: str
    sections: Sequence[Section]


def document_text(document: Document) -> str:
    """Write a document for a terminal or a mail."""
    lines = [printable(document.title), "=" * len(document.title)]
    for section in document.sections:
        lines += ["", printable(section.heading), "-" * len(section.heading)]
        lines += map(printable, section.lines)
        if section.table is not None:
            rows = [[printable(cell) for cell in row] for row in section.table.rows]
            header = list(section.table.header)
            lines.append(table_text(header, rows, left=len(header)))
        for item in section.items:
            lines.append(f"- {printable(item.text)}")
            if item.command:
                lines.append(f"    {printable(item.command)}")
    return "\n".join(lines)


def document_markdown(document: Document) -> str:
    """Write a document as Markdown."""
    lines = [f"# {_markdown(document.title)}"]
    for section in document.sections:
        lines += ["", f"## {_markdown(section.heading)}", ""]
        lines += [f"{_markdown(line)}  " for line in section.lines]
        if section.picture_file:
            lines += ["", f"![{_markdown(section.heading)}]({section.picture_file})"]
        if section.table is not None:
            header, rows = section.table.header, section.table.rows
            lines += ["", *(_markdown_row(row) for row in (header, ["---"] * len(header)))]
            lines[-1] = "|" + "---|" * len(header)
            lines += [_markdown_row(row) for row in rows]
        if section.items:
            lines.append("")
        for item in section.items:
            lines.append(f"- {_markdown(item.text)}")
            if item.command:
                lines += ["", f"      {printable(item.command)}", ""]
    return "\n".join(lines) + "\n"


def document_body(document: Document) -> str:
    """Write a document as HTML without what stands around it."""
    parts = [f"<h1>{html.escape(document.title)}</h1>"]
    for section in document.sections:
        parts.append(f'<section class="card"><h2>{html.escape(section.heading)}</h2>')
        parts += [f"<p>{html.escape(line)}</p>" for line in section.lines]
        parts.append(section.picture)
        if section.table is not None:
            # a column without a name has no header that a screen reader could read
            head = "".join(
                f"<th>{html.escape(cell)}</th>" if cell else "<td></td>"
                for cell in section.table.header
            )
            name = html.escape(f"Table: {section.heading}", quote=True)
            parts.append(
                f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
                f"<table><thead><tr>{head}</tr></thead><tbody>"
            )
            for row in section.table.rows:
                cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
                parts.append(f"<tr>{cells}</tr>")
            parts.append("</tbody></table></div>")
        if section.items:
            parts.append("<ul>")
            for item in section.items:
                command = f"<br><code>{html.escape(item.command)}</code>" if item.command else ""
                parts.append(f"<li>{html.escape(item.text)}{command}</li>")
            parts.append("</ul>")
        parts.append("</section>")
    return "\n".join(filter(None, parts))


def document_html(document: Document) -> str:
    """Write a document as one HTML file that needs no other."""
    title = html.escape(document.title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        f"{document_body(document)}\n</main></body></html>\n"
    )


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", printable(text))


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_markdown, cells)) + " |"
