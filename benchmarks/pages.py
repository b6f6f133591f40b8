"""Tables of pages that a benchmark writes: they stand between two marks that name it."""

import re


def with_block(page: str, name: str, text: str) -> str:
    """Return a page with another text between the marks of a name.

    Args:
        page: The page; it has ``<!-- NAME... -->`` and ``<!-- end of NAME -->``, a line each.
        name: Of the marks.
        text: Whole lines.

    Raises:
        ValueError: It has no such marks, or more than one pair.
    """
    marks = re.compile(
        rf"(<!-- {re.escape(name)}\b[^\n]*-->\n).*?(<!-- end of {re.escape(name)} -->)", re.DOTALL
    )
    changed, count = marks.subn(lambda found: found[1] + text + found[2], page)
    if count != 1:
        raise ValueError(f"a page must have the marks of {name} once")
    return changed


def rows_of_block(page: str, name: str) -> list[list[str]]:
    """Return the cells of the table between the marks of a name, without its head.

    Raises:
        ValueError: The page has no such marks.
    """
    found = re.search(
        rf"<!-- {re.escape(name)}\b[^\n]*-->\n(.*?)<!-- end of {re.escape(name)} -->",
        page,
        re.DOTALL,
    )
    if found is None:
        raise ValueError(f"a page must have the marks of {name} once")
    table, _, _ = found[1].partition("\n\n")
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in table.splitlines()[2:]]


def page_table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown has it."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    lines.insert(1, "|---" * len(header) + "|")
    return "\n".join(lines) + "\n"
