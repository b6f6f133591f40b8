"""Where every activation lives: one arena, reused as soon as a tensor is no longer needed."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from sw_templates.constants import padded
from sw_templates.model import Model

ALIGNMENT_BYTES = 16
STAGGER_BYTES = 96
"""Left free between neighbours: feature maps are powers of two, and two that are read side by side
would otherwise fall on the same line of a direct-mapped cache at every step (ADD: 206 cycles an
element)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """A piece of the arena for the layers ``first`` to ``last``, both included.

    Attributes:
        tensors: The tensors that live in it one after the other; empty for scratch memory and
            for ``MemoryPlan.gathered_offset``.
        layer: For scratch memory the position of its layer, else None.
        size_bytes: What is asked for.
        first: Position of the layer that writes it first; -1 for before all layers.
        last: Position of the layer that reads it last; the model's outputs live to the end, which
            is the number of layers.
        offset: Bytes from the start of the arena, a multiple of 16.
    """

    tensors: tuple[int, ...]
    layer: int | None
    size_bytes: int
    first: int
    last: int
    offset: int

    def overlaps(self, other: "Buffer") -> bool:
        """Tell whether both need one byte at one time: never true within a plan."""
        return (
            self.first <= other.last and other.first <= self.last and self.shares_bytes_with(other)
        )

    def shares_bytes_with(self, other: "Buffer") -> bool:
        """Tell whether both have one byte, at whatever times."""
        return (
            self.offset < other.offset + other.size_bytes
            and other.offset < self.offset + self.size_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """All buffers of one model.

    The model's input is not among them: it keeps its own memory, so that it can be used again. In
    it the input tensors lie one after the other. One that does not start on a 16-byte boundary
    there is copied to a buffer before the first layer. Several outputs are copied together behind
    the last layer.

    Attributes:
        buffers: In order of their first use.
        offsets: Tensor index to its place in the arena.
        scratch_offsets: Position of a layer to the place of its scratch memory.
        scratch_bytes: Position of a layer to the size of its scratch memory, 0 for none.
        input_offsets: Tensor index to its place in the model's input: of input tensors and of
            every tensor that shares their bytes (``Layer.aliases_input``).
        copied_inputs: Index of each input tensor that is copied.
        gathered_offset: Where in the arena several outputs are copied together; None for one.
        peak_bytes: Size of the arena.
    """

    buffers: tuple[Buffer, ...]
    offsets: Mapping[int, int]
    scratch_offsets: Mapping[int, int]
    scratch_bytes: tuple[int, ...]
    input_offsets: Mapping[int, int]
    copied_inputs: tuple[int, ...]
    gathered_offset: int | None
    peak_bytes: int


def plan_memory(
    model: Model,
    *,
    row_align_bytes: int,
    scratch_rows: int,
    without_scratch: Container[int] = (),
) -> MemoryPlan:
    """Place every tensor and scratch buffer: the largest first, each as low as it fits.

    Args:
        model: The network.
        row_align_bytes: Rows of weights are padded to a multiple of this.
        scratch_rows: How many rows a kernel is promised, where it works by rows.
        without_scratch: Positions of layers that no kernel runs.
    """
    scratch = tuple(
        0
        if position in without_scratch
        else layer.scratch_bytes(row_align_bytes=row_align_bytes, scratch_rows=scratch_rows)
        for position, layer in enumerate(model.layers)
    )
    wanted, input_offsets = _lifetimes(model)
    for position, size in enumerate(scratch):
        if size:
            wanted.append(_unplaced((), position, size, position, position))
    if len(model.outputs) > 1:
        end = len(model.layers)
        wanted.append(_unplaced((), None, model.output_bytes, end, end))
    placed: list[Buffer] = []
    for buffer in sorted(wanted, key=lambda b: (-b.size_bytes, b.first, b.tensors)):
        placed.append(_place(buffer, placed))
    placed.sort(key=lambda b: (b.first, b.layer is not None, b.offset))
    return MemoryPlan(
        buffers=tuple(placed),
        offsets={tensor: b.offset for b in placed for tensor in b.tensors},
        scratch_offsets={b.layer: b.offset for b in placed if b.layer is not None},
        scratch_bytes=scratch,
        input_offsets=input_offsets,
        copied_inputs=tuple(t.index for t in model.inputs if t.index not in input_offsets),
        gathered_offset=next((b.offset for b in placed if not b.tensors and b.layer is None), None),
        peak_bytes=max(
            (padded(b.offset + b.size_bytes, ALIGNMENT_BYTES) for b in placed), default=0
        ),
    )


def _unplaced(
    tensors: tuple[int, ...], layer: int | None, size: int, first: int, last: int
) -> Buffer:
    return Buffer(tensors=tensors, layer=layer, size_bytes=size, first=first, last=last, offset=0)


def _lifetimes(model: Model) -> tuple[list[Buffer], dict[int, int]]:
    """Return unplaced buffers, and the tensors that live in the model's input with their offsets.

    An output that aliases its input lives in the input's memory.
    """
    in_place = {
        tensor.index: offset
        for tensor, offset in zip(model.inputs, model.input_offsets, strict=True)
        if offset % ALIGNMENT_BYTES == 0
    }
    owner = {tensor.index: tensor.index for tensor in model.inputs}
    copied = [tensor for tensor in model.inputs if tensor.index not in in_place]
    first = {tensor.index: -1 for tensor in copied}
    last = dict(first)
    size = {tensor.index: tensor.size_bytes for tensor in copied}
    for position, layer in enumerate(model.layers):
        for tensor in layer.inputs:
            if tensor.data is None:
                last[owner[tensor.index]] = position
        shares = layer.aliases_input and layer.input.data is None
        for output in layer.outputs:
            root = owner[layer.input.index] if shares else output.index
            owner[output.index] = root
            first.setdefault(root, position)
            last[root] = position
            size[root] = output.size_bytes
    for output in model.outputs:
        last[owner[output.index]] = len(model.layers)
    groups: dict[int, list[int]] = {}
    for index, root in owner.items():
        groups.setdefault(root, []).append(index)
    buffers = [
        _unplaced(tuple(groups[root]), None, size[root], first[root], last[root])
        for root in first
        if root not in in_place
    ]
    return buffers, {index: offset for root, offset in in_place.items() for index in groups[root]}


def _place(buffer: Buffer, placed: list[Buffer]) -> Buffer:
    """Return the buffer at the lowest offset where it overlaps none of ``placed``."""
    neighbours = sorted(
        (b for b in placed if b.first <= buffer.last and buffer.first <= b.last),
        key=lambda b: b.offset,
    )
    offset = 0
    for other in neighbours:
        if offset + buffer.size_bytes + STAGGER_BYTES <= other.offset:
            break
        offset = max(
            offset, padded(other.offset + other.size_bytes, ALIGNMENT_BYTES) + STAGGER_BYTES
        )
    return Buffer(
        tensors=buffer.tensors,
        layer=buffer.layer,
        size_bytes=buffer.size_bytes,
        first=buffer.first,
        last=buffer.last,
        offset=offset,
    )
