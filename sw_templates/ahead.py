"""Which layers the CPU may run once ahead, while a unit computes what they read.

Behind a segment of a unit the CPU finds the next layer's code and tables in the slow memory, which
for a small layer takes longer than the layer: a SOFTMAX of 12 classes takes four times as long with
empty caches. So the CPU runs such layers while it waits anyway, on whatever lies in the memory, and
again when their inputs are there. The first run is for the caches alone.
"""

from collections.abc import Iterator

from contracts.network import Program, Segment
from sw_templates.layer import Layer
from sw_templates.memory_plan import MemoryPlan
from sw_templates.model import Model
from sw_templates.options import KernelSet
from sw_templates.tensor import ElementType

MOST_BYTES = 1024
"""Read and written by a layer that is run ahead: a larger one might take longer than the unit."""

MOST_MACS = 512
"""Of such a layer, likewise."""


def layers_ahead(
    model: Model, plan: MemoryPlan, program: Program, kernels: KernelSet
) -> tuple[tuple[int, ...], ...]:
    """Return for each segment the positions of the CPU's layers to run while the unit computes.

    Of the layers between the segment and the next one these are the first few that are small, give
    the same time for any input, use nothing of the unit's, and write where nothing lies that is
    needed later.

    Args:
        model: The network.
        plan: Where its activations live.
        program: What the unit runs of it.
        kernels: Which kernels there are.
    """
    found = []
    for number, segment in enumerate(program.segments):
        needed = _needed(model, program, number)
        kept = [buffer for buffer in plan.buffers if not needed.isdisjoint(buffer.tensors)]
        chosen = []
        for position in _between(model, program, segment):
            layer = model.layers[position]
            written = [
                buffer
                for buffer in plan.buffers
                if buffer.layer == position
                or any(output.index in buffer.tensors for output in layer.outputs)
            ]
            if not _is_harmless(layer, kernels) or any(
                buffer.shares_bytes_with(other) for buffer in written for other in kept
            ):
                break
            chosen.append(position)
        found.append(tuple(chosen))
    return tuple(found)


def _between(model: Model, program: Program, segment: Segment) -> Iterator[int]:
    """Return the CPU's layers behind a segment, up to the next one."""
    position = segment.layers[-1].position + 1
    while position < len(model.layers) and position not in program.layers:
        yield position
        position += 1


def _needed(model: Model, program: Program, number: int) -> set[int]:
    """Return the tensors that the CPU's memory has before a segment and that are read behind it."""
    segment = program.segments[number]
    first, last = segment.layers[0].position, segment.layers[-1].position
    there = {tensor.index for tensor in model.inputs}
    read = {tensor.index for tensor in model.outputs}
    for position, layer in enumerate(model.layers):
        if position in program.layers:
            continue
        if position < first:
            there |= {tensor.index for tensor in layer.outputs}
        elif position > last:
            read |= {tensor.index for tensor in layer.inputs}
    for earlier in program.segments[:number]:
        there |= {transfer.tensor for transfer in earlier.outputs}
    for later in program.segments[number + 1 :]:
        read |= {transfer.tensor for transfer in later.inputs}
    return there & read


def _is_harmless(layer: Layer, kernels: KernelSet) -> bool:
    """Tell whether a layer may run on any bytes: it uses them as values, never as places."""
    tensors = (*layer.activations, *layer.outputs)
    name = f"{layer.kernel}.c.j2"
    return (
        layer.macs <= MOST_MACS
        and layer.bytes_in + layer.bytes_out <= MOST_BYTES
        and not layer.aliases_input
        and all(tensor.type is ElementType.INT8 for tensor in tensors)
        and kernels.headers is None
        and not any((folder / name).exists() for folder in kernels.folders)
    )
