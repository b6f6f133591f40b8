"""Blocks of a memory over steps in time in plain characters, for terminals and pipes."""

from collections.abc import Sequence

FREE = "."


def block_line(blocks: Sequence[tuple[str, int, int]], *, cells: int, size: int) -> str:
    """Return the memory at one step as a line.

    Args:
        blocks: (character, start, size) of what lies there, the lowest first; none overlaps.
        cells: Characters of the line.
        size: Of the whole memory, more than 0.

    Returns:
        ``cells`` characters. Each block has one at least, as long as there are enough, so that a
        small one pushes its neighbour aside by a character.
    """
    edges: list[tuple[int, int]] = []
    free_from = 0
    for _, start, length in blocks:
        first = max(round(start * cells / size), free_from)
        free_from = max(round((start + length) * cells / size), first + 1)
        edges.append((first, free_from))
    line = [FREE] * cells
    room = cells
    for (letter, _, _), (first, end) in reversed(list(zip(blocks, edges, strict=True))):
        end = min(end, room)
        room = max(min(first, end - 1), 0)
        line[room:end] = letter * (end - room)
    return "".join(line)
