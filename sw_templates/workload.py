"""What a network asks for, layer by layer, before anything is built: the `workload` command."""

from collections.abc import Sequence
from dataclasses import dataclass

from sw_templates.graph.host_steps import HostStep
from sw_templates.layer import Layer
from sw_templates.memory_plan import Buffer, plan_memory
from sw_templates.model import Model
from sw_templates.tensor import Tensor

_ROW_ALIGN_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One row of the table.

    Attributes:
        index: Number of the operator in the file.
        name: Kernel and index, for example ``conv2d_3``.
        operator: TFLite's name.
        input_shapes: Shapes of the activations it reads.
        output_shapes: Shapes of what it writes.
        macs: Multiply-accumulates by the operator's definition.
        weight_bytes: Weights and bias as they are in the file.
        bytes_in: Activations, weights and bias that it reads.
        bytes_out: What it writes.
        scratch_bytes: Scratch memory of the plain kernel.
        weight_bits: Bits of a weight; None where nothing is multiplied with one.
        activation_bits: Bits of an element of its first output.
    """

    index: int
    name: str
    operator: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    macs: int
    weight_bytes: int
    bytes_in: int
    bytes_out: int
    scratch_bytes: int
    weight_bits: int | None
    activation_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeReport:
    """An input or output of the network.

    Attributes:
        name: As in the file.
        shape: All sizes.
        type: What the firmware takes or gives, for example ``int8``.
        file_type: What the file does; ``float32`` where the host quantises or dequantises.
        scale: What one step stands for; None where a number is itself.
        zero_point: The element that stands for 0.
        host_operators: What the host does between the file's tensor and QUANTIZE, or DEQUANTIZE
            and it.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    file_type: str
    scale: float | None
    zero_point: int
    host_operators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferReport:
    """One buffer of the arena: ``name`` for people, lifetimes as positions of layers.

    -1 is before the first layer, the number of layers behind the last. ``is_scratch``: it is the
    scratch memory of one layer, of which a layer has one, and no tensor's.
    """

    name: str
    is_scratch: bool
    size_bytes: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReport:
    """All layers and buffers of one network with the plain kernels.

    Attributes:
        name: Of the model.
        inputs: The model's inputs, which have their own memory, in the order of the file.
        outputs: The model's outputs.
        layers: In execution order.
        buffers: In order of their first use.
        macs: Sum over the layers.
        weight_bytes: Sum over the layers.
        peak_bytes: Size of the arena.
    """

    name: str
    inputs: tuple[EdgeReport, ...]
    outputs: tuple[EdgeReport, ...]
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
            output_shapes=tuple(tensor.shape for tensor in layer.outputs),
            macs=layer.macs,
            weight_bytes=sum(tensor.size_bytes for tensor in layer.constants),
            bytes_in=layer.bytes_in,
            bytes_out=layer.bytes_out,
            scratch_bytes=scratch_bytes,
            weight_bits=_weight_bits(layer),
            activation_bits=layer.outputs[0].type.bits,
        )
        for layer, scratch_bytes in zip(model.layers, plan.scratch_bytes, strict=True)
    )
    return WorkloadReport(
        name=model.name,
        inputs=_edge_reports(model.inputs, model.file_inputs, model.input_steps),
        outputs=_edge_reports(model.outputs, model.file_outputs, model.output_steps),
        layers=layers,
        buffers=tuple(_buffer_report(model, buffer) for buffer in plan.buffers),
        macs=model.macs,
        weight_bytes=sum(layer.weight_bytes for layer in layers),
        peak_bytes=plan.peak_bytes,
    )


def _weight_bits(layer: Layer) -> int | None:
    """Return the bits of a layer's weights: its largest constant, where it multiplies."""
    if not layer.macs or not layer.constants:
        return None
    return max(layer.constants, key=lambda tensor: tensor.elements).type.bits


def _edge_reports(
    tensors: Sequence[Tensor],
    file_tensors: Sequence[Tensor],
    steps: Sequence[Sequence[HostStep]],
) -> tuple[EdgeReport, ...]:
    return tuple(
        EdgeReport(
            name=in_file.name,
            shape=tensor.shape,
            type=tensor.type.value.lower(),
            file_type=in_file.type.value.lower(),
            scale=tensor.scale if tensor.scales else None,
            zero_point=tensor.zero_point,
            host_operators=tuple(step.operator for step in on_host),
        )
        for tensor, in_file, on_host in zip(tensors, file_tensors, steps, strict=True)
    )


def _buffer_report(model: Model, buffer: Buffer) -> BufferReport:
    if buffer.layer is not None:
        name = f"scratch of {model.layers[buffer.layer].name}"
    elif not buffer.tensors:
        name = "outputs side by side"
    else:
        written_by = {
            tensor.index: f"output of {layer.name}"
            for layer in model.layers
            for tensor in layer.outputs
        }
        copies = {tensor.index: "copy of an input" for tensor in model.inputs}
        name = ", ".join((written_by | copies)[tensor] for tensor in buffer.tensors)
    return BufferReport(
        name=name,
        is_scratch=buffer.layer is not None,
        size_bytes=buffer.size_bytes,
        offset=buffer.offset,
        first=buffer.first,
        last=buffer.last,
    )
