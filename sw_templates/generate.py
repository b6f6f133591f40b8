"""Writes the C of one firmware: templates lay out what is computed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jinja2

from contracts.faults import ConfigError, DoesNotFit
from sw_templates import quantise
from sw_templates.constants import padded, tensor_constant_name
from sw_templates.layer import Layer, layer_constants, layer_fields
from sw_templates.memory_plan import MemoryPlan, plan_memory
from sw_templates.model import Model
from sw_templates.options import (
    KERNELS_FOLDER,
    PROGRAM_FOLDER,
    FirmwareOptions,
    KernelSet,
    printable_name,
)
from sw_templates.soc_map import MIN_STACK_BYTES, SocMap
from sw_templates.tensor import Tensor

FIRMWARE_NAME = "soft-soc-dse firmware 1"
HOST_CLOCK_HZ = 1_000_000_000
MIN_CODE_BYTES = 16 << 10
_EMULATION = "cfu_emulation.c"
_CORE_ONLY = ("uart.c", "trap.c", "memory.c", "main.c", "start.S", "linker.ld")
_HOST_ONLY = ("host_main.c",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One member of a layer's structure and its value in C."""

    name: str
    value: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerView:
    """What ``model.c.j2`` receives of one layer; every string is C already."""

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
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """The files of one firmware.

    Attributes:
        folder: Where they are.
        sources: Names of the files to compile, in the order of the command line.
        plan: Where the activations live.
        constant_bytes: Weights, biases, multipliers and tables.
    """

    folder: Path
    sources: tuple[str, ...]
    plan: MemoryPlan
    constant_bytes: int


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
        ConfigError: The memory is too small, or a kernel template is at fault.
    """
    align = max(4, options.unroll, kernels.weight_row_align_bytes)
    rows = max(model.operators.scratch_rows, kernels.scratch_rows)
    plan = plan_memory(model, row_align_bytes=align, scratch_rows=rows)
    places = _places(model, plan)
    constants = tuple(
        c for layer in model.layers for c in layer_constants(layer, row_align_bytes=align)
    )
    views = tuple(
        _view(layer, position, plan, places, align) for position, layer in enumerate(model.layers)
    )
    constant_bytes = sum(constant.size_bytes for constant in constants)
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
        "operators": model.operators.layers,
        "quarter_squares": [(value - 256) ** 2 // 4 for value in range(512)],
        "crc_table": [_crc_step(value) for value in range(256)],
        "layers": views,
        "constants": tuple({c.name: c for c in constants}.values()),
        "constant_bytes": constant_bytes,
        "arena_bytes": plan.peak_bytes + padded(align, 16),
        "input_bytes": padded(model.input.size_bytes, 16) + padded(align, 16),
        "output": places[model.output.index],
        "input_xor": " ^ 0x80" if options.inputs == "uint8" else "",
        "result_texts": _result_texts(model.output) if options.results == "floats" else (),
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
    clash = sorted(variables.keys() & kernels.variables.keys() - {"unroll"})
    if clash:
        raise ConfigError(
            f"the kernels' variables {', '.join(clash)} have names that the firmware uses itself",
            fix="rename them in the family",
        )
    sources = _render(variables, kernels, model, soc, out)
    return Firmware(folder=out, sources=sources, plan=plan, constant_bytes=constant_bytes)


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
    model: Model,
    soc: SocMap | None,
    out: Path,
) -> tuple[str, ...]:
    """Render every template that belongs to this firmware; return the sources among them."""
    operators = model.operators
    folders = (*kernels.folders, KERNELS_FOLDER, PROGRAM_FOLDER)
    environment = c_environment(folders, templates=operators.templates)
    used = {layer.kernel for layer in model.layers}
    out.mkdir(parents=True, exist_ok=True)
    sources = []
    for template in sorted(environment.list_templates(extensions=["j2"])):
        name = template.removesuffix(".j2")
        stem, _, _ = name.partition(".")
        if name.endswith(".c") and stem in operators.kernels and stem not in used:
            continue
        if name in (_CORE_ONLY if soc is None else (*_HOST_ONLY, _EMULATION)):
            continue
        try:
            text = environment.get_template(template).render({**variables, **kernels.variables})
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
    """Return the C expression for the memory of each tensor."""
    places = {tensor: f"arena + {offset}" for tensor, offset in plan.offsets.items()}
    places |= dict.fromkeys(plan.input_tensors, "model_input")
    for layer in model.layers:
        for tensor in layer.inputs:
            if tensor.data is not None:
                places[tensor.index] = tensor_constant_name(tensor)
    return places


def _view(
    layer: Layer, position: int, plan: MemoryPlan, places: Mapping[int, str], align: int
) -> LayerView:
    scratch_bytes = plan.scratch_bytes[position]
    arguments = [f"&{layer.name}"]
    arguments += [places[tensor.index] for tensor in layer.inputs]
    arguments.append(places[layer.output.index])
    if scratch_bytes:
        arguments.append(f"arena + {plan.scratch_offsets[position]}")
    fields = layer_fields(layer, row_align_bytes=align, scratch_bytes=scratch_bytes)
    return LayerView(
        name=layer.name,
        kernel=layer.kernel,
        operator=layer.operator,
        shape="x".join(map(str, layer.output.shape)) or "1",
        macs=layer.macs,
        bytes_in=layer.bytes_in,
        bytes_out=layer.output.size_bytes,
        scratch_bytes=scratch_bytes,
        fields=tuple(Field(name=name, value=value) for name, value in fields.items()),
        arguments=tuple(arguments),
        output=places[layer.output.index],
    )


def _result_texts(output: Tensor) -> Sequence[str]:
    """Return what ``%0.3f`` prints for each dequantised int8 value, floats as in C."""
    scale, zero_point = output.scale, output.zero_point
    return [f"{quantise.to_float32(scale * (q - zero_point)):0.3f}" for q in range(-128, 128)]


def _crc_step(value: int) -> str:
    """Return the CRC-32 table entry of a byte."""
    crc = value
    for _ in range(8):
        crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return f"0x{crc:08x}u"
