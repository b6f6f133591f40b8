"""One point of a design space."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from contracts.faults import ConfigError
from contracts.parameter import Value
from contracts.untrusted import parse_json
from dse.space.declarations import value_text

SCHEMA = 1
"""Part of every design's id: to be raised when the same values come to mean something else."""


@dataclass(frozen=True, slots=True)
class Design:
    """One point of a space: its active parameters and nothing else.

    Equal values mean equal designs, whatever the order or the space they came from. ``True`` and
    ``1`` are different values. Built by a ``Space``, or from canonical text read from a store.

    Attributes:
        values: Read-only, sorted by name; inactive parameters are absent.
        canonical: JSON text with the schema number; equal designs have equal text.
        id: SHA-256 of ``canonical`` in hexadecimal.
    """

    values: Mapping[str, Value] = field(compare=False)
    canonical: str = field(init=False, repr=False)
    id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {name: self.values[name] for name in sorted(self.values)}
        text = json.dumps({"schema": SCHEMA, "values": values}, separators=(",", ":"))
        object.__setattr__(self, "values", MappingProxyType(values))
        object.__setattr__(self, "canonical", text)
        object.__setattr__(self, "id", hashlib.sha256(text.encode()).hexdigest())

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """Rebuild a design from its canonical text.

        Raises:
            ConfigError: The text is not what ``canonical`` writes, or of another schema.
        """
        fix = "read it from the column that this program wrote, with a program of the same schema"
        try:
            document = parse_json(text)
            schema, values = document["schema"], document["values"]
            design = cls(values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"not the text of a design: {text[:200]!r} ({error!r})", fix
            ) from error
        is_flat = all(isinstance(value, int | str) for value in values.values())
        if schema != SCHEMA or design.canonical != text or not is_flat:
            raise ConfigError(f"not a canonical design of schema {SCHEMA}: {text[:200]!r}", fix)
        return design

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __reduce__(self) -> tuple[type["Design"], tuple[dict[str, Value]]]:
        return (type(self), (dict(self.values),))  # a read-only view cannot be pickled

    def __str__(self) -> str:
        return " ".join(f"{name}={value_text(value)}" for name, value in self.values.items())
