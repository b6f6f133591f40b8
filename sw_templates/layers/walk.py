"""Nested loops over two tensors at once, one of which may stand still: for ``walk.h``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from sw_templates.constants import Constant, int32_constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One dimension of a loop.

    Attributes:
        turns: How often it is gone through.
        strides: By how many elements each of the two tensors moves on in a turn; 0 stands still.
    """

    turns: int
    strides: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An innermost loop and those around it.

    Attributes:
        row: The innermost loop.
        loops: Those around it, from the inside; at least one.
    """

    row: Loop
    loops: tuple[Loop, ...]

    def fields(self, table: str) -> dict[str, int | str]:
        """Return the members of the structure that ``WALK_MEMBERS`` declares.

        Args:
            table: Name of the array that ``array`` returns.
        """
        return {
            "row": self.row.turns,
            "step1": self.row.strides[0],
            "step2": self.row.strides[1],
            "loop_count": len(self.loops),
            "loops": table,
        }

    def array(self, table: str) -> Constant:
        """Return for each loop its turns and by how much either offset changes after one.

        The row does not change the offsets. A loop inside another has moved them to its end when
        the other's turn is over; the change leads from there.
        """
        values = []
        inside = Loop(turns=0, strides=(0, 0))
        for loop in self.loops:
            changes = (
                stride - inside.turns * inner
                for stride, inner in zip(loop.strides, inside.strides, strict=True)
            )
            values += [loop.turns, *changes]
            inside = loop
        return int32_constant(table, values)


WALK_MEMBERS = """\
    int32_t row;          /* turns of the innermost loop */
    int32_t step1, step2; /* by how many elements either tensor moves on in it: 1, or 0 to stay */
    int32_t loop_count;   /* of the loops around it: see walk.h */
    const int32_t *loops;
"""


def walk(shape: Sequence[int], strides: Sequence[tuple[int, int]]) -> Walk:
    """Return the fewest loops that go through a shape in order, the last dimension fastest.

    Args:
        shape: Turns of each dimension.
        strides: By how many elements each of the two tensors moves on in that dimension.
    """
    merged: list[Loop] = []
    for turns, pair in zip(reversed(shape), reversed(strides), strict=True):
        if turns == 1:
            continue
        if merged and pair == tuple(s * merged[-1].turns for s in merged[-1].strides):
            merged[-1] = Loop(turns=turns * merged[-1].turns, strides=merged[-1].strides)
        else:
            merged.append(Loop(turns=turns, strides=pair))
    once = Loop(turns=1, strides=(0, 0))
    row, *loops = merged or [once]
    return Walk(row=row, loops=tuple(loops) or (once,))


def strides_of(shape: Sequence[int], *, still: Iterable[int] = ()) -> list[int]:
    """Return by how many elements an index of each dimension moves on in memory.

    Args:
        shape: Of the tensor.
        still: Dimensions in which it stands still instead.
    """
    fixed = set(still)
    return [0 if d in fixed else prod(shape[d + 1 :]) for d in range(len(shape))]
