"""``workload``: which block of the arena holds what from layer to layer, as text and as picture.

All functions take what ``dse.commands.workload.workload_data`` returns.
"""

import string
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from dse.output.drawing.block_map import Block, BlockMap, draw_block_map, names_height
from dse.output.drawing.block_text import FREE, block_line
from dse.output.drawing.scale import Axis
from dse.output.drawing.svg import LETTER_WIDTH, Drawing
from dse.output.picture import write_picture
from dse.output.report import table_text

_COLUMNS = 80
"""Of a terminal; the line of a layer is never longer."""
_MOST_NAME_CHARS = 24
_PEAK_MARK = " peak"
_SCRATCH = "#"
_LETTERS = string.ascii_uppercase + string.ascii_lowercase
"""For buffers of tensors, in order of their first use, again from A when all were used."""

_LEFT, _TOP, _CHART_HEIGHT, _MARGIN = 76.0, 40.0, 440.0, 12.0
_CHART_WIDTH, _LEAST_CHART_WIDTH = 760.0, 200.0
"""Wished for, and what the words above the peak need."""
_LEAST_STEP_WIDTH, _MOST_STEP_WIDTH = 24.0, 80.0
_ROW, _GAP = 18.0, 16.0
_MOST_ROWS = 40
"""Of the table in a picture: the largest buffers; the command itself prints all."""


def buffers_text(data: Mapping[str, Any]) -> str:
    """Lay out the buffers of the arena with their places and lifetimes."""
    return table_text(["", "buffer", "bytes", "offset", "from", "until"], _rows(data), left=2)


def memory_text(data: Mapping[str, Any]) -> str:
    """Lay out the arena from layer to layer: a line for each, 80 characters wide at the most."""
    size = data["peak_bytes"]
    if not size:
        return "the arena is empty: every tensor lives in the memory of the model's input"
    names = [_cut(step["name"]) for step in data["steps"]]
    used = [f"{step['used_bytes']:,}" for step in data["steps"]]
    name_width, used_width = max(map(len, names)), max(map(len, [*used, "in use B"]))
    cells = _COLUMNS - name_width - used_width - len(_PEAK_MARK) - 4
    keys = _keys(data)
    ruler = f"0{f'{size:,} B':>{cells - 1}}"
    lines = [
        f"the arena from layer to layer; a character is {size / cells:,.0f} bytes,"
        f" {_SCRATCH} scratch, {FREE} free",
        "",
        f"{'':{name_width}}  {ruler}  {'in use B':>{used_width}}",
    ]
    for number, step in enumerate(data["steps"]):
        living = [
            (keys[n], data["buffers"][n]["offset"], data["buffers"][n]["size_bytes"])
            for n in step["buffers"]
        ]
        bar = block_line(living, cells=cells, size=size)
        mark = _PEAK_MARK if number == data["peak"]["step"] else ""
        lines.append(f"{names[number]:{name_width}} |{bar}| {used[number]:>{used_width}}{mark}")
    return "\n".join(lines)


def peak_text(data: Mapping[str, Any]) -> str:
    """Say at which layer the arena is fullest, and of what; empty without an arena."""
    if not data["peak_bytes"]:
        return ""
    step = data["steps"][data["peak"]["step"]]
    held = [
        f"{data['buffers'][n]['name']} ({data['buffers'][n]['size_bytes']:,})"
        for n in step["buffers"]
    ]
    unused = data["peak_bytes"] - step["used_bytes"]
    between = [f"unused ({unused:,})"] if unused else []
    return f"at {step['name']}: {', '.join([*held, *between])}"


def plot_memory(data: Mapping[str, Any], path: Path) -> None:
    """Draw the arena over the layers to an SVG or PNG file.

    Raises:
        ConfigError: The ending is unknown, the arena is empty, the file cannot be written, or a
            PNG is wanted and the machine has no font for its text.
    """
    if not data["peak_bytes"]:
        raise ConfigError(
            f"{data['name']} has no arena to draw: all its tensors live in its input's memory",
            fix="leave --plot out",
        )
    write_picture(memory_drawing(data), path)


def memory_drawing(data: Mapping[str, Any]) -> Drawing:
    """Return the picture of an arena that has at least one buffer."""
    steps = [step["name"] for step in data["steps"]]
    step_width = min(max(_CHART_WIDTH / len(steps), _LEAST_STEP_WIDTH), _MOST_STEP_WIDTH)
    step_width = max(step_width, _LEAST_CHART_WIDTH / len(steps))
    chart_end = _LEFT + step_width * len(steps)
    table = _picture_table(data)
    widths = [max(map(len, column)) * LETTER_WIDTH for column in zip(*table, strict=True)]
    width = chart_end + _GAP + sum(widths) + _GAP * len(widths) + _MARGIN
    title = f"{data['name']}: {data['peak_bytes']:,} bytes of activations and scratch at the peak"
    notes = textwrap.wrap(f"Peak {peak_text(data)}", int((width - 2 * _MARGIN) / LETTER_WIDTH))
    top = _TOP + _ROW * len(notes) + 34
    bottom = top + _CHART_HEIGHT
    height = max(bottom + names_height(steps), top + _ROW * len(table)) + _MARGIN
    drawing = Drawing(width, height, title)
    drawing.text(_MARGIN, 22, title, "c-head")
    for number, note in enumerate(notes):
        drawing.text(_MARGIN, _TOP + 4 + number * _ROW, note, "c-soft")
    chart = BlockMap(
        y_label="bytes",
        steps=steps,
        blocks=_blocks(data),
        peak_step=data["peak"]["step"],
        peak_label=f"peak: {data['peak_bytes']:,} bytes",
        peak=data["peak_bytes"],
    )
    across = Axis(low=0, high=len(steps), start=_LEFT, end=chart_end)
    upward = Axis(low=0, high=data["peak_bytes"], start=bottom, end=top)
    draw_block_map(drawing, chart, across=across, upward=upward)
    _write_table(drawing, table, widths, left=chart_end + _GAP, top=top)
    return drawing


def _blocks(data: Mapping[str, Any]) -> list[Block]:
    before_first = data["steps"][0]["position"]
    blocks = []
    for key, buffer, row in zip(_keys(data), data["buffers"], _rows(data), strict=True):
        short = "scratch" if buffer["is_scratch"] else buffer["name"].replace("output of ", "")
        first, last = row[-2:]
        blocks.append(
            Block(
                labels=(buffer["name"], short, key),
                first=buffer["first"] - before_first,
                last=buffer["last"] - before_first,
                start=buffer["offset"],
                size=buffer["size_bytes"],
                kind="c-scratch" if buffer["is_scratch"] else "c-tensor",
                hint=f"{buffer['name']}: {buffer['size_bytes']:,} bytes at {buffer['offset']:,},"
                f" {first} to {last}",
            )
        )
    return blocks


def _picture_table(data: Mapping[str, Any]) -> list[list[str]]:
    rows = _rows(data)
    by_size = sorted(range(len(rows)), key=lambda n: -data["buffers"][n]["size_bytes"])
    shown = sorted(by_size[:_MOST_ROWS])
    table = [["", "buffer", "bytes", "offset", "from", "until"], *(rows[n] for n in shown)]
    if len(shown) < len(rows):
        table.append(["", f"and {len(rows) - len(shown):,} smaller ones", "", "", "", ""])
    return table


def _write_table(
    drawing: Drawing,
    table: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    left: float,
    top: float,
) -> None:
    for number, row in enumerate(table):
        x, y = left, top + number * _ROW
        for column, (text, width) in enumerate(zip(row, widths, strict=True)):
            is_number = column in (2, 3)
            kind = " ".join(["end"] * is_number + ["c-head"] * (number == 0))
            drawing.text(x + width if is_number else x, y, text, kind)
            x += width + _GAP


def _rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each buffer: key, name, size, offset, first and last layer."""
    names = {step["position"]: step["name"] for step in data["steps"]}
    return [
        [
            key,
            buffer["name"],
            f"{buffer['size_bytes']:,}",
            f"{buffer['offset']:,}",
            names[buffer["first"]],
            names[buffer["last"]],
        ]
        for key, buffer in zip(_keys(data), data["buffers"], strict=True)
    ]


def _keys(data: Mapping[str, Any]) -> list[str]:
    """Return a character for each buffer; no two that live at the same time share a letter.

    A layer has one scratch buffer at the most, so all of them may share theirs.
    """
    keys: list[str] = []
    last: dict[str, int] = {}  # until when each letter is taken
    tensors = 0
    for buffer in data["buffers"]:
        if buffer["is_scratch"]:
            keys.append(_SCRATCH)
            continue
        start = tensors % len(_LETTERS)
        tensors += 1
        turn = _LETTERS[start:] + _LETTERS[:start]
        free = (letter for letter in turn if last.get(letter, -2) < buffer["first"])
        keys.append(next(free, turn[0]))
        last[keys[-1]] = buffer["last"]
    return keys


def _cut(name: str) -> str:
    return name if len(name) <= _MOST_NAME_CHARS else f"{name[: _MOST_NAME_CHARS - 2]}.."
