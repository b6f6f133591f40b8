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
        is_kept: It is there always: an input that inferences leave as it is.
        row: Where it begins, once it is placed.
    """

    image: Image
    first: int
    last: int
    is_kept: bool = False
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
    orders = (
        sorted(homes, key=lambda home: (-home.rows(config), home.first)),
        sorted(homes, key=lambda home: (home.first - home.last, -home.rows(config), home.first)),
        sorted(homes, key=lambda home: (home.first, -home.rows(config))),
    )
    best = min(orders, key=lambda order: _place(order, config))
    needed = _place(best, config)
    if needed > config.activation_rows:
        crowded = max(range(len(names)), key=lambda at: _rows_at(at, homes, config))
        raise DoesNotFit(
            f"the activations at layer {names[crowded]} need {needed * config.rows} bytes of the"
            f" engine's memory, which has {config.activation_rows * config.rows}",
            fix="raise engine_activation_kib, or use a smaller model",
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
            is_together |= home.is_kept or other.is_kept
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
        row_bytes: Of one row.
        capacity_rows: How many there are.
        parts: What it is to hold, whether there is room or not.
        rows: How many rows that takes.
        first_without_room: The first layer that found no room.
    """

    what: str
    row_bytes: int
    capacity_rows: int
    parts: list[bytes] = field(default_factory=list)
    rows: int = 0
    first_without_room: str | None = None
    _known: dict[bytes, int] = field(default_factory=dict)

    def add(self, rows: npt.NDArray[np.generic], layer: str) -> int:
        """Return the row at which some rows begin; they are added where they are not yet there.

        Args:
            rows: Of ``row_bytes`` each.
            layer: Whose they are.
        """
        content = np.ascontiguousarray(rows).tobytes()
        if content in self._known:
            return self._known[content]
        self._known[content] = self.rows
        self.parts.append(content)
        self.rows += len(content) // self.row_bytes
        if self.rows > self.capacity_rows and self.first_without_room is None:
            self.first_without_room = layer
        return self._known[content]

    def require_room(self) -> None:
        """Check that there is room for all.

        Raises:
            DoesNotFit: There is not.
        """
        if self.first_without_room is not None:
            needed, there = (count * self.row_bytes for count in (self.rows, self.capacity_rows))
            raise DoesNotFit(
                f"the {self.what} of the network need {needed} bytes of the engine's memory, which"
                f" has {there}; {self.first_without_room} is the first layer without room",
                fix="raise engine_weight_kib, or use a smaller model",
            )

    @property
    def words(self) -> list[int]:
        """What it holds by words, an even number of them."""
        content = b"".join(self.parts)
        content += bytes(-len(content) % _PAIR_BYTES)
        return [int(word) for word in np.frombuffer(content, dtype="<u4")]
