"""Where tensors and constants lie in the engine's memories."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contracts.faults import DoesNotFit
from contracts.network import Image
from hw_templates.cfu.engine.compiler.task import blocks
from hw_templates.cfu.engine.config import EngineConfig

_PAIR_BYTES = 8


@dataclass(slots=True, kw_only=True, eq=False)
class Home:
    """A tensor in ACTIVATIONS; it grows older as layers are found that read it.

    Attributes:
        image: How it lies there.
        first: Position of the first layer at which it is there.
        last: Position of the last one.
        row: Where it begins, once it is placed.
    """

    image: Image
    first: int
    last: int
    row: int = -1

    def rows(self, config: EngineConfig) -> int:
        """Return how many rows it has, of which pairs of words can be written."""
        own = self.image.pixels * blocks(self.image, config)
        pair = max(1, _PAIR_BYTES // config.rows)
        return -(-own // pair) * pair


def place_homes(homes: Sequence[Home], names: Sequence[str], config: EngineConfig) -> None:
    """Give each home its rows: those that are there at one time do not overlap.

    Args:
        homes: Their ``row`` is set.
        names: Of the network's layers, by position.
        config: The engine.

    Raises:
        DoesNotFit: ACTIVATIONS is too small.
    """
    there = config.activation_rows
    crowded = max(range(len(names)), key=lambda at: _rows_at(at, homes, config), default=0)
    least = _rows_at(crowded, homes, config)
    if least > there:
        _refuse(
            names[crowded],
            "activations",
            least * config.rows,
            there * config.rows,
            "engine_activation_kib",
        )
    orders = (
        sorted(homes, key=lambda home: (-home.rows(config), home.first)),
        sorted(homes, key=lambda home: (home.first - home.last, -home.rows(config), home.first)),
        sorted(homes, key=lambda home: (home.first, -home.rows(config))),
    )
    needed = [_place(order, config) for order in orders]
    best = min(range(len(orders)), key=lambda at: needed[at])
    _place(orders[best], config)
    if needed[best] > there:
        _refuse(
            names[crowded],
            "activations",
            needed[best] * config.rows,
            there * config.rows,
            "engine_activation_kib",
        )


def _rows_at(position: int, homes: Sequence[Home], config: EngineConfig) -> int:
    return sum(home.rows(config) for home in homes if home.first <= position <= home.last)


def _place(order: Sequence[Home], config: EngineConfig) -> int:
    """Place homes in an order, each as low as it fits; return the rows that are needed."""
    placed: list[Home] = []
    for home in order:
        row, size = 0, home.rows(config)
        for other in sorted(placed, key=lambda each: each.row):
            is_together = other.first <= home.last and home.first <= other.last
            if is_together and row < other.row + other.rows(config) and other.row < row + size:
                row = other.row + other.rows(config)
        home.row = row
        placed.append(home)
    return max((home.row + home.rows(config) for home in placed), default=0)


@dataclass(slots=True, kw_only=True)
class ConstantMemory:
    """A memory that is filled once: equal constants of several layers are there once.

    Attributes:
        what: Of what, for messages.
        parameter: That makes it larger.
        row_bytes: Of one row.
        capacity_rows: How many there are.
        parts: What it holds so far.
        needed_rows: Of all that it was asked to hold.
    """

    what: str
    parameter: str
    row_bytes: int
    capacity_rows: int
    parts: list[bytes] = field(default_factory=list)
    needed_rows: int = 0
    _known: dict[bytes, int] = field(default_factory=dict)

    def add(self, rows: npt.NDArray[np.generic], layer: str) -> int:
        """Return the row at which some rows begin; they are added where they are not yet there.

        Args:
            rows: Of ``row_bytes`` each.
            layer: Whose they are.

        Raises:
            DoesNotFit: There is no room.
        """
        content = np.ascontiguousarray(rows).tobytes()
        if content in self._known:
            return self._known[content]
        at, count = self.needed_rows, len(content) // self.row_bytes
        self.needed_rows += count
        if self.needed_rows > self.capacity_rows:
            _refuse(
                layer,
                self.what,
                self.needed_rows * self.row_bytes,
                self.capacity_rows * self.row_bytes,
                self.parameter,
            )
        self.parts.append(content)
        self._known[content] = at
        return at

    @property
    def words(self) -> list[int]:
        """What it holds by words, an even number of them."""
        content = b"".join(self.parts)
        content += bytes(-len(content) % _PAIR_BYTES)
        return [int(word) for word in np.frombuffer(content, dtype="<u4")]


def _refuse(layer: str, what: str, needed_bytes: int, there_bytes: int, parameter: str) -> None:
    raise DoesNotFit(
        f"the {what} up to layer {layer} need {needed_bytes} bytes of the engine's memory, which"
        f" has {there_bytes}",
        fix=f"raise {parameter}, or use a smaller model",
    )
