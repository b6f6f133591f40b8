"""What a network asks for, layer by layer, before anything is built: the `workload` command."""

from dataclasses import dataclass

from sw_templates.memory_plan import Buffer, plan_memory
from sw_templates.model import Model

_ROW_ALIGN_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One row of the table.

    Attributes:
        index: Number of the operator in the file.
        name: Kernel and index, for example ``conv2d_3``.
        operator: TFLite's name.
        input_shapes: Shapes of the activations it reads.
        output_shape: Shape of what it writes.
        macs: Multiply-accumulates by the operator's definition.
        weight_bytes: Weights and bias as they are in the file.
        bytes_in: Activations, weights and bias that it reads.
        bytes_out: What it writes.
        scratch_bytes: Scratch memory of the plain kernel.
    """

    index: int
    name: str
    operator: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    macs: int
    weight_bytes: int
    bytes_in: int
    bytes_out: int
    scratch_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferReport:
    """One buffer of the arena: ``name`` for people, lifetimes as positions of layers."""

    name: str
    size_bytes: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReport:
    """All layers and buffers of one network with the plain kernels.

    Attributes:
        name: Of the model.
        input_shape: Of the model's input, which has its own memory.
        output_shape: Of the model's output.
        layers: In execution order.
        buffers: In order of their first use.
        macs: Sum over the layers.
        weight_bytes: Sum over the layers.
        peak_bytes: Size of the arena.
    """

    name: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    layers: tuple[LayerReport, ...]
    buffers: tuple[BufferReport, ...]
    macs: int
    weight_bytes: int
    peak_bytes: int


def workload_report(model: Model) -> WorkloadReport:
    """Describe ``model``, which the import has found to be supported."""
    plan = plan_memory(
        model, row_align_bytes=_ROW_ALIGN_BYTES, scratch_rows=model.operators.scratch_rows
    )
    layers = tuple(
        LayerReport(
            index=layer.index,
            name=layer.name,
            operator=layer.operator,
            input_shapes=tuple(tensor.shape for tensor in layer.inputs),
            output_shape=layer.output.shape,
            macs=layer.macs,
            weight_bytes=sum(tensor.size_bytes for tensor in layer.constants),
            bytes_in=layer.bytes_in,
            bytes_out=layer.output.size_bytes,
            scratch_bytes=scratch_bytes,
        )
        for layer, scratch_bytes in zip(model.layers, plan.scratch_bytes, strict=True)
    )
    return WorkloadReport(
        name=model.name,
        input_shape=model.input.shape,
        output_shape=model.output.shape,
        layers=layers,
        buffers=tuple(_buffer_report(model, buffer) for buffer in plan.buffers),
        macs=model.macs,
        weight_bytes=sum(layer.weight_bytes for layer in layers),
        peak_bytes=plan.peak_bytes,
    )


def _buffer_report(model: Model, buffer: Buffer) -> BufferReport:
    if buffer.layer is not None:
        name = f"scratch of {model.layers[buffer.layer].name}"
    else:
        writers = {layer.output.index: layer.name for layer in model.layers}
        name = "output of " + ", ".join(writers[tensor] for tensor in buffer.tensors)
    return BufferReport(
        name=name,
        size_bytes=buffer.size_bytes,
        offset=buffer.offset,
        first=buffer.first,
        last=buffer.last,
    )
