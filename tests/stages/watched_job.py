"""A job that notes which of its fields are read, and jobs that differ from another in one field."""

import dataclasses
from collections.abc import Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any, cast

from contracts.parameter import Value
from runners.job import Job


def watched(job: Job, reads: set[str]) -> Job:
    """Return a job that looks as ``job`` does and adds to ``reads`` the path of what is read.

    A path is that of a leaf, such as ``target.memory.kind`` or ``design.cfu``.
    """
    return cast("Job", _Watched(job, "", reads))


class _Watched:
    def __init__(self, value: object, path: str, reads: set[str]) -> None:
        self._value, self._path, self._reads = value, path, reads

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}".removeprefix(".")
        function = getattr(type(self._value), name, None)
        if isinstance(function, FunctionType):  # a method reads through us, too
            return MethodType(function, self)
        if isinstance(function, property) and function.fget is not None:
            return function.fget(self)
        value = getattr(self._value, name)
        if dataclasses.is_dataclass(value):
            return _Watched(value, path, self._reads)
        if isinstance(value, Mapping):
            return _WatchedMapping(value, path, self._reads)
        self._reads.add(path)
        return value


class _WatchedMapping(Mapping[str, Value]):
    def __init__(self, values: Mapping[str, Value], path: str, reads: set[str]) -> None:
        self._values, self._path, self._reads = values, path, reads

    def __getitem__(self, name: str) -> Value:
        self._reads.add(f"{self._path}.{name}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        self._reads.update(f"{self._path}.{name}" for name in self._values)
        return iter(self._values)

    def __len__(self) -> int:
        self._reads.update(f"{self._path}.{name}" for name in self._values)
        return len(self._values)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Walk over all fields of a job down to plain values: path and value."""
    if dataclasses.is_dataclass(value):
        inner: Mapping[str, object] = {
            field.name: getattr(value, field.name) for field in dataclasses.fields(value)
        }
    elif isinstance(value, Mapping):
        inner = value
    else:
        yield path, value
        return
    for name, each in inner.items():
        yield from leaves(each, f"{path}.{name}".removeprefix("."))


def changed(job: Job, path: str, value: object) -> Job:
    """Return the job with another value of one field."""
    return cast("Job", _changed(job, path.split("."), value))


def _changed(whole: Any, path: list[str], value: object) -> Any:
    name, *rest = path
    if isinstance(whole, Mapping):
        return {**whole, name: value}
    inner = _changed(getattr(whole, name), rest, value) if rest else value
    return dataclasses.replace(whole, **{name: inner})
