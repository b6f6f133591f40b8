"""Validation errors in words: file, key, what was found, what is allowed."""

import difflib
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contracts.faults import ConfigError

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


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and what it says.

    Raises:
        ConfigError: The file cannot be read, it is not TOML, or a number in it is infinite or none.
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
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", fix="correct that line") from error
    for location, number in _not_finite(content):
        key = [str(step) for step in location]
        while isinstance(location[len(key) - 1], int):  # one of a list: the line tells which
            key.pop()
        if key[0] == "constraints":  # where pydantic says which branch of its union it took
            key.insert(2, "")
        raise ConfigError(
            f"{path}:{line_of(text, location)}: {_key(key)} is {number}",
            fix="write a number; where the key may be left out, that stands for no limit",
        )
    return text, content


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
        value: Any = tomllib.loads(text)
        for step in location:
            value = value[step]
    except (tomllib.TOMLDecodeError, LookupError, TypeError):
        return None
    return value


def validated(model: type[_Model], content: Mapping[str, Any], *, file: str) -> _Model:
    """Check the content of a file against its model.

    Raises:
        ConfigError: The first thing that is wrong, and how many more there are.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = problems[0]
        what, fix = _in_words(model, first)
        more = "" if len(problems) == 1 else f" (and {len(problems) - 1} more)"
        raise ConfigError(f"{file}: {what}{more}", fix=fix) from None


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` was probably meant to be."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say which names are allowed, the probable one first."""
    names = list(known)
    near = closest(name, names)
    allowed = f"allowed are: {', '.join(names)}"
    return f"did you mean {near!r}? {allowed}" if near else allowed


def _in_words(model: type[BaseModel], problem: Any) -> tuple[str, str]:
    location = [str(step) for step in problem["loc"]]
    where = _key(location)
    kind, found = problem["type"], problem["input"]
    if kind == "extra_forbidden" and location[0] == "constraints":
        return f"unknown key {where}", suggestion(location[-1], ("min", "max"))
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return f"unknown key {where}", suggestion(location[-1], known)
    if kind == "missing":
        field = _fields_at(model, location[:-1])[location[-1]]
        text = "add the section" if _is_section(field.annotation) else "add the key"
        return f"{where} is missing", text
    if kind == "literal_error":
        return (
            f"{where} is {_show(found)}",
            f"use one of: {problem['ctx']['expected'].replace(' or ', ', ')}",
        )
    if location[0] == "space":
        return (
            f"{where} is {_show(found)}, which is no value of a parameter",
            "write a whole number, true, false or text, or a list of them",
        )
    if kind in _TYPES:
        return f"{where} is {_show(found)}, which is not {_TYPES[kind]}", f"write {_TYPES[kind]}"
    message = problem["msg"]
    message = message[0].lower() + message[1:]
    return f"{where} is {_show(found)}: {message}", "give a value that satisfies this"


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
