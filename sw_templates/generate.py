"""Writes the C of one firmware: templates lay out what is computed here."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import jinja2

from contracts.faults import ConfigError, DoesNotFit
from contracts.network import Program, Segment, Transfer
from sw_templates import quantise, tflm
from sw_templates.ahead import layers_ahead
from sw_templates.constants import padded, tensor_constant_name
from sw_templates.layer import Layer, layer_fields, shared_constants
from sw_templates.memory_plan import MemoryPlan, plan_memory
from sw_templates.model import Model
from sw_templates.operator_set import OperatorSet
from sw_templates.options import (
    KERNELS_FOLDER,
    PROGRAM_FOLDER,
    FirmwareOptions,
    KernelSet,
    printable_name,
)
from sw_templates.soc_map import MIN_STACK_BYTES, SocMap
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import MAX_DIMENSIONS

FIRMWARE_NAME = "soft-soc-dse firmware 1"
HOST_CLOCK_HZ = 1_000_000_000
MIN_CODE_BYTES = 16 << 10
EMULATION = "cfu_emulation.c"
"""The CFU in C, for programs of the host."""
_CORE_ONLY = ("uart.c", "trap.c", "memory.c", "main.c", "start.S", "linker.ld")
_HOST_ONLY = ("host_main.c",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One member of a layer's structure and its value in C."""

    name: str
    value: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some bytes in C: one tensor, or a part of the model's input or output.

    Attributes:
        place: Expression for its memory.
        offset: In the bytes that it is a part of.
        size_bytes: How many there are.
    """

    place: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """How one output tensor is printed, value by value.

    Attributes:
        type: What an element is.
        elements: How many there are.
        offset: Of the first in the bytes of all outputs.
        texts: For one byte an element, what is printed for each value from the lowest up; empty
            where numbers are printed as they are.
    """

    type: ElementType
    elements: int
    offset: int
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerView:
    """What ``model.c.j2`` receives of one layer; every string is C already."""

    position: int
    name: str
    kernel: str
    operator: str
    shape: str
    macs: int
    bytes_in: int
    bytes_out: int
    scratch_bytes: int
    fields: tuple[Field, ...]
    arguments: tuple[str, ...]
    activations: tuple[Piece, ...]
    outputs: tuple[Piece, ...]
    unit: "UnitView | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """What a unit does of one layer, or of a segment.

    Attributes:
        segment: Number of the segment that begins with the layer; None where none does.
        first: Number of the first command.
        count: How many there are.
        writes: What is copied to the unit before: number of the transfer, and place in C.
        reads: What is copied from it behind.
        lone_writes: What is copied to the unit before the layer is run by itself; None where the
            unit cannot run it apart from the layers before it.
    """

    segment: int | None
    first: int
    count: int
    writes: tuple[tuple[int, str], ...]
    reads: tuple[tuple[int, str], ...]
    lone_writes: tuple[tuple[int, str], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """What ``model.c.j2`` receives of one segment.

    Attributes:
        unit: What the unit does.
        ahead: Names of the layers that the CPU runs meanwhile, to have them in its caches.
    """

    unit: UnitView
    ahead: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A layer whose cycles a unit counts, in a segment that begins with another layer.

    Attributes:
        segment: Position of that other layer.
        layer: Its own position.
        first: Number of its first command.
        count: How many there are.
    """

    segment: int
    layer: int
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """The files of one firmware.

    Attributes:
        folder: Where they are.
        sources: Names of the C and assembler files to compile, in the order of the command line.
        headers: What is compiled beside them as C++; None for nothing.
        plan: Where the activations live.
        constant_bytes: Weights, biases, multipliers and tables.
    """

    folder: Path
    sources: tuple[str, ...]
    plan: MemoryPlan
    constant_bytes: int
    headers: tflm.Adopted | None = None


def generate(
    model: Model,
    *,
    kernels: KernelSet,
    options: FirmwareOptions,
    soc: SocMap | None,
    out: Path,
) -> Firmware:
    """Write all sources of a firmware to the folder ``out``, which is made if necessary.

    Args:
        model: The network.
        kernels: Which kernels, and what they ask for.
        options: Names, formats and unrolling.
        soc: Addresses of the SoC; None for a program of the host.
        out: Files of the same names are replaced.

    Raises:
        ConfigError: The memory is too small, a kernel template is at fault, or the options ask
            for inputs or results that the network's types do not have.
    """
    _require_printable(model, options)
    headers = kernels.headers
    if headers is not None:
        adopted = {layer.kernel for layer in model.layers} & headers.headers.keys()
        model = replace(
            model,
            layers=tuple(
                layer.for_reference_kernel() if layer.kernel in adopted else layer
                for layer in model.layers
            ),
        )
    align = max(4, options.unroll, kernels.weight_row_align_bytes)
    rows = max(model.operators.scratch_rows, kernels.scratch_rows)
    program = kernels.program or Program()
    plan = plan_memory(
        model, row_align_bytes=align, scratch_rows=rows, without_scratch=program.layers
    )
    places = _places(model, plan)
    on_cpu = [layer for at, layer in enumerate(model.layers) if at not in program.layers]
    constants = shared_constants(on_cpu, row_align_bytes=align)
    constant_bytes = constants.size_bytes + program.constant_bytes
    views = tuple(
        _view(layer, position, plan, places, align, constants.names, program)
        for position, layer in enumerate(model.layers)
    )
    if soc is not None:
        _require_room(plan.peak_bytes + constant_bytes, soc)
    variables: dict[str, object] = {
        "model": model,
        "model_name": options.model_name or printable_name(model.name),
        "firmware_name": FIRMWARE_NAME,
        "options": options,
        "soc": soc,
        "is_host": soc is None,
        "clock_hz": HOST_CLOCK_HZ if soc is None else soc.clock_hz,
        "min_stack_bytes": MIN_STACK_BYTES,
        "unroll": options.unroll,
        "weight_row_align_bytes": align,
        "scratch_rows": rows,
        "view_dimensions": MAX_DIMENSIONS,
        "operators": model.operators.layers,
        "quarter_squares": [(value - 256) ** 2 // 4 for value in range(512)],
        "crc_table": [_crc_step(value) for value in range(256)],
        "layers": views,
        "segments": [
            SegmentView(
                unit=_segment_view(number, segment, places),
                ahead=tuple(model.layers[position].name for position in positions),
            )
            for (number, segment), positions in zip(
                enumerate(program.segments),
                layers_ahead(model, plan, program, kernels),
                strict=True,
            )
        ],
        "counted": _counted(program),
        "taken_inputs": _transfers(program.inputs, places),
        "constants": constants.arrays,
        "constant_bytes": constant_bytes,
        "arena_bytes": plan.peak_bytes + padded(align, 16),
        "input_bytes": padded(model.input_bytes, 16) + padded(align, 16),
        "output": places[model.outputs[0].index]
        if plan.gathered_offset is None
        else f"arena + {plan.gathered_offset}",
        "copied_inputs": [
            _piece(tensor, places, offset)
            for tensor, offset in zip(model.inputs, model.input_offsets, strict=True)
            if tensor.index in plan.copied_inputs
        ],
        "gathered_outputs": []
        if plan.gathered_offset is None
        else [
            _piece(tensor, places, plan.gathered_offset + offset)
            for tensor, offset in zip(model.outputs, model.output_offsets, strict=True)
        ],
        "most_activations": max(len(layer.activations) for layer in model.layers),
        "most_outputs": max(len(layer.outputs) for layer in model.layers),
        "input_xor": " ^ 0x80" if options.inputs == "uint8" else "",
        "results": [
            Results(
                type=tensor.type,
                elements=tensor.elements,
                offset=offset,
                texts=_result_texts(tensor) if options.results == "floats" else (),
            )
            for tensor, offset in zip(model.outputs, model.output_offsets, strict=True)
        ],
    }
    for operator in model.operators.layers:
        own = operator.template_variables(unroll=options.unroll)
        if taken := sorted(variables.keys() & own.keys()):
            raise ConfigError(
                f"the variables {', '.join(taken)} of the operator {operator.operator} have names"
                " that the firmware uses itself",
                fix="rename them in the operator's file and template",
            )
        variables |= own
    own_variables = {**program.variables, **kernels.variables}
    clash = sorted(variables.keys() & own_variables.keys() - {"unroll"})
    if clash:
        raise ConfigError(
            f"the kernels' variables {', '.join(clash)} have names that the firmware uses itself",
            fix="rename them in the family",
        )
    variables |= own_variables
    used = {layer.kernel for layer in on_cpu}
    as_they_are = {} if headers is None else headers.headers
    variables["has_constructors"] = headers is not None
    # where TensorFlow Lite Micro runs the stack is large, and kernels keep whole matrices on it
    variables["stack_in_sram"] = soc is not None and soc.sram is not None and headers is None
    sources = _render(variables, kernels, model.operators, used - as_they_are.keys(), soc, out)
    return Firmware(
        folder=out,
        sources=sources,
        plan=plan,
        constant_bytes=constant_bytes,
        headers=None
        if headers is None
        else tflm.write_kernels(headers, layers=on_cpu, used=used, out=out),
    )


def c_environment(
    folders: Sequence[Path], *, templates: Mapping[str, str] = MappingProxyType({})
) -> jinja2.Environment:
    """Return what renders C templates.

    Beside Jinja's own it has the filter ``rendered``: a text that is itself a template, such as
    ``Layer.structure``, with the variables of the template that it stands in.

    Args:
        folders: Where a template is looked for, in order.
        templates: Name to text of those that lie in none of the folders.
    """
    in_folders = jinja2.FileSystemLoader([str(folder) for folder in folders])
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([in_folders, jinja2.DictLoader(templates)]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C, not HTML
    )
    environment.filters["rendered"] = _rendered
    return environment


@jinja2.pass_context
def _rendered(context: jinja2.runtime.Context, text: str) -> str:
    return context.environment.from_string(text).render(context.get_all())


def _require_printable(model: Model, options: FirmwareOptions) -> None:
    """Refuse pixels for inputs that are not int8, and ``%0.3f`` of wider values than a byte."""
    for tensor in model.inputs:
        if options.inputs == "uint8" and tensor.type is not ElementType.INT8:
            raise ConfigError(
                f"the input {tensor.name!r} of {model.name} is {tensor.type.value.lower()}, so 128"
                " cannot be taken from its bytes",
                fix='leave out serial.inputs = "uint8"',
            )
    for tensor in model.outputs:
        if options.results == "floats" and (tensor.element_bytes > 1 or not tensor.scales):
            raise ConfigError(
                f"the output {tensor.name!r} of {model.name} is {tensor.type.value.lower()}, which"
                " the firmware prints as integers only",
                fix='use serial.results = "integers"',
            )


def _require_room(data_bytes: int, soc: SocMap) -> None:
    """Refuse what certainly does not fit; the linker has the last word."""
    if data_bytes + MIN_CODE_BYTES > soc.main_ram.size_bytes:
        raise DoesNotFit(
            f"weights and activations need {data_bytes} bytes beside the code, main_ram has "
            f"{soc.main_ram.size_bytes}",
            fix="give the target more memory (target.memory.size_bytes), or use a smaller model",
        )


def _render(
    variables: Mapping[str, object],
    kernels: KernelSet,
    operators: OperatorSet,
    used: Container[str],
    soc: SocMap | None,
    out: Path,
) -> tuple[str, ...]:
    """Render every template that belongs to this firmware; return the sources among them.

    Args:
        variables: Of the templates.
        kernels: Which folders have kernels.
        operators: Whose templates there are.
        used: The kernels that a layer is run by.
        soc: Addresses of the SoC; None for a program of the host.
        out: Where the files go.
    """
    folders = (*kernels.folders, KERNELS_FOLDER, PROGRAM_FOLDER)
    environment = c_environment(folders, templates=operators.templates)
    out.mkdir(parents=True, exist_ok=True)
    sources = []
    for template in sorted(environment.list_templates(extensions=["j2"])):
        name = template.removesuffix(".j2")
        stem, _, _ = name.partition(".")
        if name.endswith(".c") and stem in operators.kernels and stem not in used:
            continue
        if name in (_CORE_ONLY if soc is None else (*_HOST_ONLY, EMULATION)):
            continue
        try:
            text = environment.get_template(template).render(variables)
        except jinja2.TemplateError as error:
            raise ConfigError(
                f"kernel template {template} cannot be rendered: {error}",
                fix="give the variable in the family's kernels, or correct the template",
            ) from error
        (out / name).write_text(text, encoding="utf-8")
        if name.endswith((".c", ".S")):
            sources.append(name)
    return tuple(sources)


def _places(model: Model, plan: MemoryPlan) -> dict[int, str]:
    """Return the C expression for the memory of each tensor, an ``int8_t *`` save constants."""
    places = {tensor: f"arena + {offset}" for tensor, offset in plan.offsets.items()}
    for tensor, offset in plan.input_offsets.items():
        places[tensor] = f"model_input + {offset}" if offset else "model_input"
    for layer in model.layers:
        for constant in layer.inputs:
            if constant.data is not None:
                places[constant.index] = tensor_constant_name(constant)
    return places


def _piece(tensor: Tensor, places: Mapping[int, str], offset: int = 0) -> Piece:
    return Piece(place=places[tensor.index], offset=offset, size_bytes=tensor.size_bytes)


def _pointers(
    layer: Layer, tensors: Sequence[Tensor], places: Mapping[int, str], *, is_written: bool
) -> list[str]:
    """Return a kernel's arguments for its inputs or its outputs.

    They are pointers of the tensors' types, save in lists and where a layer only passes bytes on.
    """
    qualifier = "" if is_written else "const "
    is_list = layer.has_output_list if is_written else layer.has_input_list
    if is_list or layer.aliases_input:
        pointers = [
            f"(const int8_t *){places[tensor.index]}" if tensor.data else places[tensor.index]
            for tensor in tensors
        ]
        return [f"({qualifier}int8_t *const[]){{{', '.join(pointers)}}}"] if is_list else pointers
    return [
        places[tensor.index]
        if tensor.type is ElementType.INT8 or tensor.data is not None
        else f"({qualifier}{tensor.type.c_name} *)({places[tensor.index]})"
        for tensor in tensors
    ]


def _view(
    layer: Layer,
    position: int,
    plan: MemoryPlan,
    places: Mapping[int, str],
    align: int,
    names: Mapping[str, str],
    program: Program,
) -> LayerView:
    scratch_bytes = plan.scratch_bytes[position]
    arguments = [f"&{layer.name}"]
    arguments += _pointers(layer, layer.inputs, places, is_written=False)
    arguments += _pointers(layer, layer.outputs, places, is_written=True)
    if scratch_bytes:
        arguments.append(f"arena + {plan.scratch_offsets[position]}")
    fields = layer_fields(layer, row_align_bytes=align, scratch_bytes=scratch_bytes)
    return LayerView(
        position=position,
        name=layer.name,
        kernel=layer.kernel,
        operator=layer.operator,
        shape="x".join(map(str, layer.output.shape)) or "1",
        macs=layer.macs,
        bytes_in=layer.bytes_in,
        bytes_out=layer.bytes_out,
        scratch_bytes=scratch_bytes,
        fields=tuple(
            Field(name=name, value=names.get(value, value) if isinstance(value, str) else value)
            for name, value in fields.items()
        ),
        arguments=tuple(arguments),
        activations=tuple(_piece(tensor, places) for tensor in layer.activations),
        outputs=tuple(_piece(tensor, places) for tensor in layer.outputs),
        unit=_unit_view(layer, position, places, program),
    )


def _unit_view(
    layer: Layer, position: int, places: Mapping[int, str], program: Program
) -> UnitView | None:
    """Return how a unit runs a layer by itself; None where it does not."""
    run = program.layers.get(position)
    if run is None:
        return None
    number, segment = next(
        (at, each) for at, each in enumerate(program.segments) if run in each.layers
    )
    is_first = segment.layers[0] is run
    return UnitView(
        segment=number if is_first else None,
        first=run.commands.start,
        count=len(run.commands),
        writes=_transfers(segment.inputs, places) if is_first else (),
        reads=_transfers([run.output], places),
        lone_writes=_lone_writes(layer, segment, places, program),
    )


def _lone_writes(
    layer: Layer, segment: Segment, places: Mapping[int, str], program: Program
) -> tuple[tuple[int, str], ...] | None:
    outputs = (each.output for each in segment.layers)
    known = {each.tensor: each for each in (*program.inputs, *segment.inputs, *outputs)}
    read = [tensor.index for tensor in layer.activations]
    if not known.keys() >= set(read):
        return None
    return _transfers([known[tensor] for tensor in read], places)


def _segment_view(number: int, segment: Segment, places: Mapping[int, str]) -> UnitView:
    return UnitView(
        segment=number,
        first=segment.commands.start,
        count=len(segment.commands),
        writes=_transfers(segment.inputs, places),
        reads=_transfers(segment.outputs, places),
    )


def _counted(program: Program) -> list[Counted]:
    return [
        Counted(
            segment=segment.layers[0].position,
            layer=layer.position,
            first=layer.commands.start,
            count=len(layer.commands),
        )
        for segment in program.segments
        for layer in segment.layers[1:]
    ]


def _transfers(
    transfers: Sequence[Transfer], places: Mapping[int, str]
) -> tuple[tuple[int, str], ...]:
    return tuple((transfer.number, places[transfer.tensor]) for transfer in transfers)


def _result_texts(output: Tensor) -> Sequence[str]:
    """Return what ``%0.3f`` prints for each dequantised value of a byte, floats as in C."""
    scale, zero_point = output.scale, output.zero_point
    values = output.type.zero_points  # those of a byte are all its values
    return [f"{quantise.to_float32(scale * (q - zero_point)):0.3f}" for q in values]


def _crc_step(value: int) -> str:
    """Return the CRC-32 table entry of a byte."""
    crc = value
    for _ in range(8):
        crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return f"0x{crc:08x}u"
