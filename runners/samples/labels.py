"""The list of labelled samples: ``y_labels.csv`` in the format of MLPerf Tiny.

A line is ``file,number of classes,label``. Of a recording that is cut into windows it is
``file,number of classes,label,window bytes,stride bytes``; two classes, 1 is an anomaly.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError

LABELS = "y_labels.csv"
_FORMS = "file,classes,label or file,classes,label,window bytes,stride bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One line.

    Attributes:
        line: Its number in the file, from 1.
        name: Of the sample's file, as the line has it.
        classes: How many there are.
        label: The right one, from 0.
        window_bytes: Bytes of one inference; None when the file is one inference.
        stride_bytes: Bytes from one window to the next.
    """

    line: int
    name: str
    classes: int
    label: int
    window_bytes: int | None = None
    stride_bytes: int | None = None


def read_labels(folder: Path) -> tuple[Label, ...]:
    """Read the list in a folder; a byte order mark and blank lines do not matter.

    Raises:
        ConfigError: It cannot be read, is empty, or a line is wrong; file and line are named.
    """
    path = folder / LABELS
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the labels {path} cannot be read: {error}",
            fix=f"let workload.samples name a folder with {LABELS} in it, a text in UTF-8",
        ) from error
    found = tuple(_labels(path, text))
    if not found:
        raise ConfigError(f"{path} names no sample", fix=f"write a line for each: {_FORMS}")
    lines: dict[str, int] = {}
    for label in found:
        if label.name in lines:
            raise ConfigError(
                f"{path}:{label.line}: {label.name} was named in line {lines[label.name]} before",
                fix="take one of the lines out",
            )
        lines[label.name] = label.line
    return found


def require_classes(labels: Iterable[Label], classes: int, who: str, *, path: Path) -> None:
    """Check that all lines say the same number of classes.

    Args:
        labels: The lines.
        classes: The right number.
        who: What has that many, for the message.
        path: Of the list.

    Raises:
        ConfigError: A line says another number.
    """
    for label in labels:
        if label.classes != classes:
            raise ConfigError(
                f"{path}:{label.line}: {label.classes} classes, and {who} {classes}",
                fix="use the labels of this model, or correct the second column",
            )


def _labels(path: Path, text: str) -> Iterator[Label]:
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        for row in rows:
            if any(field.strip() for field in row):
                yield _label(f"{path}:{rows.line_num}", rows.line_num, row)
    except csv.Error as error:
        raise ConfigError(
            f"{path}:{rows.line_num}: {error}", fix=f"write lines of {_FORMS}"
        ) from error


def _label(where: str, line: int, row: list[str]) -> Label:
    if len(row) not in (3, 5):
        raise ConfigError(
            f"{where}: {','.join(row)[:80]!r} has {len(row)} columns", fix=f"write {_FORMS}"
        )
    name = row[0].strip()
    numbers = [_number(where, text) for text in row[1:]]
    classes, label, *window = numbers
    if not name:
        raise ConfigError(f"{where}: there is no file name", fix=f"write {_FORMS}")
    if classes < 1:
        raise ConfigError(f"{where}: {classes} classes", fix="write how many classes there are")
    if not 0 <= label < classes:
        raise ConfigError(
            f"{where}: label {label} is none of {classes} classes",
            fix=f"write a label from 0 to {classes - 1}",
        )
    if min(window, default=1) < 1:
        raise ConfigError(
            f"{where}: window and stride are {window[0]} and {window[1]} bytes",
            fix="write bytes above 0",
        )
    width, stride = window or (None, None)
    return Label(
        line=line,
        name=name,
        classes=classes,
        label=label,
        window_bytes=width,
        stride_bytes=stride,
    )


def _number(where: str, text: str) -> int:
    stripped = text.strip()
    if not (stripped.isascii() and stripped.removeprefix("-").isdigit() and len(stripped) < 19):
        raise ConfigError(
            f"{where}: {text[:40]!r} is not a whole number", fix=f"write {_FORMS}, and no heading"
        )
    return int(stripped)
