"""A compiled program on the engine's reference model, as the firmware's driver runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.network import Program, Transfer
from contracts.parameter import Value
from hw_templates.cfu.engine import FAMILY
from hw_templates.cfu.engine.compiler.task import GatheredImage
from hw_templates.cfu.engine.isa import Memory, Operation
from hw_templates.cfu.family import ReferenceModel
from sw_templates.model import Model
from sw_templates.network import network_of
from tests.cfu.engine_layers import sending, writes
from tests.firmware.firmware_bench import KernelLibrary


def design(
    rows: int, cols: int, *, activation_kib: int = 32, weight_kib: int = 64, weight_bits: int = 8
) -> dict[str, Value]:
    return {
        **{parameter.name: parameter.default for parameter in FAMILY.parameters},
        "engine_rows": rows,
        "engine_cols": cols,
        "engine_activation_kib": activation_kib,
        "engine_weight_kib": weight_kib,
        "engine_units": 1,
        "engine_weight_bits": weight_bits,
    }


def compiled(values: Mapping[str, Value], model: Model) -> Program:
    assert FAMILY.compiler is not None
    return FAMILY.compiler.compile(values, network_of(model))


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A reference model that holds a program."""

    unit: ReferenceModel
    program: Program

    @classmethod
    def with_program(cls, values: Mapping[str, Value], program: Program) -> "Engine":
        assert FAMILY.model is not None
        engine = cls(unit=FAMILY.model(values), program=program)
        for load in program.variables["engine_loads"]:
            content = np.array(load["words"], dtype="<u4").tobytes()
            for command in writes(Memory(load["memory"]), 0, content):
                engine._op(command.funct3, command.funct7, command.a, command.b)
        return engine

    def write(self, transfer: Transfer, tensor: bytes) -> None:
        """Write each pixel from the row on where it begins."""
        copy = self.program.variables["engine_copies"][transfer.number]
        if copy.spread is not None:
            for command in sending(copy.spread, tensor, at=copy.word):
                self._op(command.funct3, command.funct7, command.a, command.b)
            return
        parts = [
            tensor[pixel * copy.pixel_bytes :][: copy.pixel_bytes] for pixel in range(copy.pixels)
        ]
        if copy.gathered is not None:
            parts = windows(copy.gathered, tensor)
        for pixel, part in enumerate(parts):
            part += b"\x5a" * (-len(part) % 4)
            self._op(Operation.SET_POINTER, 0, copy.word + pixel * copy.pixel_words)
            for word in np.frombuffer(part, dtype="<u4"):
                self._op(Operation.WRITE, Memory.ACTIVATIONS, int(word))

    def read(self, transfer: Transfer) -> bytes:
        """Read each pixel."""
        copy = self.program.variables["engine_copies"][transfer.number]
        tensor = b""
        for pixel in range(copy.pixels):
            self._op(Operation.SET_POINTER, 0, copy.word + pixel * copy.pixel_words)
            words = [
                self._op(Operation.READ, Memory.ACTIVATIONS)
                for _ in range(-(-copy.pixel_bytes // 4))
            ]
            tensor += np.array(words, dtype="<u4").tobytes()[: copy.pixel_bytes]
        return tensor

    def run(self, commands: range) -> None:
        """Run commands."""
        self._op(Operation.START, 0, commands.start, len(commands))
        assert self._op(Operation.WAIT, 0) == 0

    def _op(self, funct3: int, funct7: int, a: int = 0, b: int = 0) -> int:
        return self.unit.op(funct3, funct7, a, b)


def windows(image: GatheredImage, tensor: bytes) -> list[bytes]:
    """Return what each window covers of a tensor, from the padded tensor."""
    source, window = image.source, image.window
    values = np.frombuffer(tensor, dtype=np.int8).reshape(source.height, source.width, -1)
    reach_y = (window.kernel_height - 1) * window.dilation_height + 1
    reach_x = (window.kernel_width - 1) * window.dilation_width + 1
    behind_y = (image.height - 1) * window.stride_height + reach_y
    behind_x = (image.width - 1) * window.stride_width + reach_x
    padded = np.full((behind_y, behind_x, source.channels), image.padding, dtype=np.int8)
    rows = min(source.height, behind_y - window.pad_top)
    columns = min(source.width, behind_x - window.pad_left)
    padded[window.pad_top :, window.pad_left :][:rows, :columns] = values[:rows, :columns]
    return [
        padded[
            y : y + reach_y : window.dilation_height, x : x + reach_x : window.dilation_width
        ].tobytes()
        for y in range(0, image.height * window.stride_height, window.stride_height)
        for x in range(0, image.width * window.stride_width, window.stride_width)
    ]


def run_network(
    values: Mapping[str, Value], model: Model, given: bytes, kernels: KernelLibrary
) -> list[bytes]:
    """Return every layer's output: the engine's one by one, the rest by the plain kernels.

    Asserts that whole segments at one command give the same as their layers one by one.
    """
    program = compiled(values, model)
    checked = _run(Engine.with_program(values, program), model, given, kernels, is_check=True)
    at_once = _run(Engine.with_program(values, program), model, given, kernels, is_check=False)
    for tensor in model.outputs:
        assert at_once[tensor.index] == checked[tensor.index]
    return [b"".join(checked[t.index] for t in layer.outputs) for layer in model.layers]


def _run(
    engine: Engine, model: Model, given: bytes, kernels: KernelLibrary, *, is_check: bool
) -> dict[int, bytes]:
    tensors = {tensor.index: part for tensor, part in model.input_parts(given)}
    for transfer in engine.program.inputs:
        engine.write(transfer, _held_by(transfer.tensor, tensors, model))
    begins = {segment.layers[0].position: segment for segment in engine.program.segments}
    on_engine = engine.program.layers
    for position, layer in enumerate(model.layers):
        segment = begins.get(position)
        if segment is not None:
            for transfer in segment.inputs:
                engine.write(transfer, tensors[transfer.tensor])
        if segment is not None and not is_check:
            engine.run(segment.commands)
            tensors |= {transfer.tensor: engine.read(transfer) for transfer in segment.outputs}
        if position not in on_engine:
            tensors |= _on_cpu(layer, tensors, kernels, model)
        elif is_check:
            own = on_engine[position]
            engine.run(own.commands)
            tensors[own.output.tensor] = engine.read(own.output)
    return tensors


def _held_by(tensor: int, tensors: Mapping[int, bytes], model: Model) -> bytes:
    """Return what a tensor has before the first layer: an input's bytes, maybe in another shape."""
    while tensor not in tensors:
        (tensor,) = (
            layer.input.index
            for layer in model.layers
            if layer.output.index == tensor and layer.aliases_input
        )
    return tensors[tensor]


def _on_cpu(
    layer: object, tensors: Mapping[int, bytes], kernels: KernelLibrary, model: Model
) -> dict[int, bytes]:
    kernels.compile(model)
    outputs: Sequence[bytes] = kernels.run(layer, tensors)
    return {tensor.index: out for tensor, out in zip(layer.outputs, outputs, strict=True)}
