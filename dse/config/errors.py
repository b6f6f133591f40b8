"""Validation errors in words: file, key, what was found, what is allowed."""

import copy
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.faults import ConfigError
from contracts.untrusted import parse_toml
from dse.config.mistakes import Mistakes
from dse.words import closest, suggestion

Location = tuple[str | int, ...]
"""Keys and indices from the top of a document to a value in it."""

_Model = TypeVar("_Model", bound=BaseModel)

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": 'text in "quotes"',
    "bool_type": "true or false",
    "list_type": "a list in [brackets]",
    "dict_type": "a table",
    "model_type": "a table",
}
_BOUNDS = {  # name of the limit in pydantic's context; what the value is; what is allowed
    "greater_than_equal": ("ge", "less than", "at least"),
    "greater_than": ("gt", "not more than", "more than"),
    "less_than_equal": ("le", "more than", "at most"),
    "less_than": ("lt", "not less than", "less than"),
}
FORM = "form"
"""Type of the error that ``file.form`` raises."""


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and what it says.

    Raises:
        ConfigError: The file cannot be read, it is not TOML, or a number in it is infinite or none.
    """
    mistakes = Mistakes(str(path))
    text, content = parsed(path, mistakes)
    mistakes.raise_any()
    return text, content


def parsed(path: Path, mistakes: Mistakes) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and what those of its lines say that are right.

    Args:
        path: The file.
        mistakes: As of ``parsed_text``.

    Raises:
        ConfigError: The file cannot be read, or nothing can be said of it but that it is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = closest(path.name, (other.name for other in path.parent.glob("*.toml")))
        hint = f"did you mean {path.with_name(near)}?" if near else "check the path"
        raise ConfigError(f"there is no config {path}", fix=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", fix="give a readable text file"
        ) from error
    return text, parsed_text(text, mistakes)


def parsed_text(text: str, mistakes: Mistakes) -> dict[str, Any]:
    """Return what those lines of a TOML document say that are right.

    Args:
        text: The document.
        mistakes: Gets what is no TOML, and numbers that are infinite or none.

    Raises:
        ConfigError: Nothing can be said of it but that it is no TOML.
    """
    right, content = _right_lines(text, mistakes)
    for location, number in list(_not_finite(content)):
        key = [str(step) for step in location]
        while isinstance(location[len(key) - 1], int):  # one of a list: the line tells which
            key.pop()
        if key[0] == "constraints":  # where pydantic says which branch of its union it took
            key.insert(2, "")
        mistakes.keep(
            ConfigError(
                f"{mistakes.file}:{line_of(right, location)}: {_key(key)} is {number}",
                fix="write a number; where the key may be left out, that stands for no limit",
            ),
            where=_place(location),
        )
        _remove(content, _place(location))
    return content


def _right_lines(text: str, mistakes: Mistakes) -> tuple[str, dict[str, Any]]:
    """Return a document without the lines that are no TOML, as text and as what it says.

    Raises:
        ConfigError: A line is wrong that others depend on, such as the head of a section.
    """
    lines = text.splitlines()
    while True:
        try:
            return "\n".join(lines) + "\n", parse_toml("\n".join(lines) + "\n")
        except ValueError as error:
            found = _AT_LINE.search(str(error))
            number = int(found[1]) if found else _line_alone(lines, str(error))
            line = lines[number - 1] if 0 < number <= len(lines) else ""
            key = _KEY_LINE.match(line)
            where = (_section_above(lines, number), key[1]) if key else ()
            mistakes.keep(
                ConfigError(
                    f"{mistakes.file} is not TOML: {error}",
                    fix=f"correct that line, {line.strip()!r}: {_toml_words(line, str(error))}"
                    if line.strip()
                    else "correct the lines before the end: a bracket or a quote is left open",
                ),
                where=where,
            )
            if not where:
                mistakes.raise_any()
            lines[number - 1] = ""


def _line_alone(lines: list[str], problem: str) -> int:
    """Return the first line that gives an error without a place by itself, else the last one."""
    for number, line in enumerate(lines, start=1):
        try:
            parse_toml(line)
        except ValueError as error:
            if str(error) == problem:
                return number
    return len(lines)


_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_KEY_LINE = re.compile(r"\s*([A-Za-z0-9_-]+)[A-Za-z0-9_.-]*\s*=")
_HEAD_LINE = re.compile(r"\s*\[+\s*([A-Za-z0-9_.-]+)\s*\]+")


def _section_above(lines: Sequence[str], number: int) -> str:
    heads = [found[1] for line in lines[: number - 1] if (found := _HEAD_LINE.match(line))]
    return heads[-1].partition(".")[0] if heads else ""


def _toml_words(line: str, message: str) -> str:
    """Say how a line of TOML is written, by what is wrong with this one."""
    if "overwrite" in message or "twice" in message or "already" in message:
        return "the same key or section stands above, so take one of them out"
    if line.lstrip().startswith("["):
        return "a section is written [name]"
    if "True" in line or "False" in line:
        return "write true and false in small letters"
    return 'write key = value, texts in "quotes", lists in [brackets]'


def _not_finite(value: Any, location: Location = ()) -> Iterator[tuple[Location, float]]:
    """Yield every number of a document that is infinite or none, with where it stands."""
    if isinstance(value, float) and not math.isfinite(value):
        yield location, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, (*location, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_finite(inner, (*location, index))


def line_of(text: str, location: Location) -> int:
    """Return the number of the line in which a value of a TOML document begins.

    The value must have been parsed from ``text``. Its document is parsed again, each time without
    more of its last lines: the line without which the value is another one is its own.
    """
    lines = text.splitlines(keepends=True)
    found = repr(_value_at(text, location))
    for count in range(1, len(lines) + 1):
        begun = "".join(lines[:count])
        # an array or a table that goes on below is closed here
        for end in ("", "]", "}", "]]", "}]", "]}"):
            if repr(_value_at(begun + end, location)) == found:
                return count
    return len(lines)


def _value_at(text: str, location: Location) -> Any:
    """Return the value at a place of a document, None where there is none or it is broken."""
    try:
        value: Any = parse_toml(text)
        for step in location:
            value = value[step]
    except (ValueError, LookupError, TypeError):
        return None
    return value


def validated(
    model: type[_Model], content: Mapping[str, Any], *, file: str, context: object = None
) -> _Model:
    """Check the content of a file against its model.

    Args:
        model: Of the file.
        content: What it says.
        file: Its name for messages.
        context: What the validators of the model are told.

    Raises:
        ConfigError: Everything that is wrong.
    """
    mistakes = Mistakes(file)
    found = checked(model, content, mistakes, context=context)
    mistakes.raise_any()
    assert found is not None, "without a mistake it is valid"
    return found


def checked(
    model: type[_Model],
    content: Mapping[str, Any],
    mistakes: Mistakes,
    *,
    stand_ins: Mapping[tuple[str, ...], Any] | None = None,
    context: object = None,
) -> _Model | None:
    """Return what those keys of a file say that are right.

    Args:
        model: Of the file.
        content: What it says.
        mistakes: Gets all that is wrong, unknown keys first; their keys are in doubt from then on.
        stand_ins: For what must be there and is missing or wrong, by section and key.
        context: What the validators of the model are told.

    Returns:
        None where too little is right.
    """
    left = copy.deepcopy(dict(content))
    for _ in range(_MOST_ROUNDS):  # what was taken out may be missed in the next round
        try:
            return model.model_validate(left, context=context)
        except ValidationError as error:
            problems = error.errors(include_url=False)
        problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
        for problem in problems:
            place = _place(problem["loc"])
            if problem["type"] == "missing":
                if mistakes.is_certain(".".join(place)):
                    mistakes.add(*_in_words(model, problem), where=place)
                if not _fill(left, place, stand_ins or {}):
                    return None
                continue
            mistakes.add(*_in_words(model, problem), where=place)
            if problem["type"] == "extra_forbidden":
                known = _fields_at(model, list(place[:-1])) if place[0] != "constraints" else {}
                if near := closest(place[-1], known):
                    mistakes.doubt(*place[:-1], near)
            _remove(left, place)
    return None


_MOST_ROUNDS = 4


def _place(location: Sequence[str | int]) -> tuple[str, ...]:
    """Return section and key of a place in a document: what can be taken out as a whole."""
    whole = itertools.takewhile(lambda step: isinstance(step, str), location)
    depth = 2 if location[0] in ("space", "constraints") else 3
    return tuple(str(step) for step in itertools.islice(whole, depth))


def _remove(content: dict[str, Any], place: Sequence[str]) -> None:
    inner: Any = content
    for step in place[:-1]:
        inner = inner.get(step) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(place[-1], None)


def _fill(
    content: dict[str, Any], place: tuple[str, ...], stand_ins: Mapping[tuple[str, ...], Any]
) -> bool:
    """Put a stand-in where something is missing; a section without one is taken out."""
    if place in stand_ins:
        inner = content
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = copy.deepcopy(stand_ins[place])
        return True
    return len(place) > 1 and content.pop(place[0], None) is not None


def _in_words(model: type[BaseModel], problem: Any) -> tuple[str, str]:
    """Return what pydantic found wrong with a value, and what to do."""
    location = [str(step) for step in problem["loc"]]
    where = _key(location)
    kind, found, limits = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(model, location, where, found)
    if kind == "missing":
        field = _fields_at(model, location[:-1])[location[-1]]
        text = "add the section" if _is_section(field.annotation) else "add the key"
        return f"{where} is missing", text
    if kind == "literal_error":
        names = limits["expected"].replace(" or ", ", ")
        near = closest(str(found), [name.strip("'") for name in names.split(", ")])
        meant = f"did you mean {near!r}? " if near else ""
        return f"{where} is {_show(found)}", f"{meant}use one of: {names}"
    if location[0] == "space":
        return (
            f"{where} is {_show(found)}, which is no value of a parameter",
            "write a whole number, true, false or text, or a list of them",
        )
    if kind in _TYPES:
        return f"{where} is {_show(found)}, which is not {_TYPES[kind]}", _of_type(kind, found)
    if kind in _BOUNDS:
        key, too, allowed = _BOUNDS[kind]
        limit = f"{limits[key]:.15g}"
        return f"{where} is {_show(found)}, which is {too} {limit}", f"write {allowed} {limit}"
    if kind in ("too_short", "too_long"):
        wanted = limits["min_length" if kind == "too_short" else "max_length"]
        return (
            f"{where} has {limits['actual_length']} entries and needs {wanted}",
            f"write a list of {wanted}",
        )
    if kind == FORM:
        return f"{where} is {_show(found)}, which is not {limits['what']}", str(limits["fix"])
    message = problem["msg"]
    message = message[0].lower() + message[1:]
    return f"{where} is {_show(found)}: {message}", "give a value that satisfies this"


def _unknown_key(
    model: type[BaseModel], location: list[str], where: str, found: Any
) -> tuple[str, str]:
    """Say what a key that there is not was probably meant to be, and where it belongs."""
    name = location[-1]
    if location[0] == "constraints":
        return f"unknown key {where}", suggestion(name, ("min", "max"))
    known = _fields_at(model, location[:-1])
    sections = {
        section: _fields_at(model, [section])
        for section, field in model.model_fields.items()
        if _is_section(field.annotation)
    }
    homes = [section for section, fields in sections.items() if name in fields]
    belongs = " or ".join(f"[{section}]" for section in homes)
    if len(location) == 1 and not isinstance(found, dict | list):
        outside = f"{name} stands outside of any section"
        return outside, f"write it below {belongs}" if homes else suggestion(name, known)
    if homes and closest(name, known) is None:
        allowed = f"allowed here are: {', '.join(known)}"
        return f"unknown key {where}", f"it belongs to {belongs}; {allowed}"
    return f"unknown key {where}", suggestion(name, known)


def _of_type(kind: str, found: Any) -> str:
    """Say how a value of another type would have been written."""
    if kind in ("int_type", "float_type") and isinstance(found, str):
        try:
            float(found.replace("_", ""))
        except ValueError:
            return f"write {_TYPES[kind]}"
        return f"write {_TYPES[kind]}, without quotes: {found}"
    if kind in ("int_from_float", "int_type") and isinstance(found, float):
        return f"write {_TYPES[kind]}{f': {int(found)}' if found.is_integer() else ''}"
    if kind == "list_type" and isinstance(found, str | int):
        return f"write {_TYPES[kind]}: [{_show(found)}]"
    return f"write {_TYPES[kind]}"


def _key(location: list[str]) -> str:
    """Write the place of a key as a person looks for it in the file."""
    if location[:1] == ["space"]:  # behind the name come names of pydantic's union branches
        location = location[:2]
    if location[:1] == ["constraints"]:  # the same: [constraints] fmax_mhz.min
        location = ["constraints", ".".join([*location[1:2], *location[3:]])]
    if len(location) == 1:
        return f"[{location[0]}]"
    return f"[{'.'.join(location[:-1])}] {location[-1]}"


def _fields_at(model: type[BaseModel], location: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = dict(model.model_fields)
    for step in location:
        fields = dict(fields[step].annotation.model_fields)
    return fields


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _show(value: Any) -> str:
    return json.dumps(value, default=str)[:80]
