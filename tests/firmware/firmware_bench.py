"""What the tests of this room share: kernels in a library, firmware on the host, the oracle."""

import ctypes
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from runners.tools import run_tool
from sw_templates.build import HOST_NAME, host_command, riscv_commands
from sw_templates.generate import Firmware, generate
from sw_templates.graph.tflite_normal import normalised
from sw_templates.host import batch_answers, batch_command
from sw_templates.layer import Layer, layer_constants, layer_fields
from sw_templates.model import Model
from sw_templates.options import PLAIN_KERNELS, FirmwareOptions, KernelSet
from sw_templates.reference import Golden
from sw_templates.soc_map import Region, SocMap
from sw_templates.tflite_import import load_model, model_from_bytes
from tests.firmware.tflite_builder import (
    ADD,
    AVERAGE_POOL_2D,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    INT32,
    RELU,
    RESHAPE,
    SAME,
    SOFTMAX,
    VALID,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)
from tests.objects import compile_once

DATA = Path(__file__).parents[3] / "shared" / "data"
IMGC = DATA / "imgc" / "pretrainedResnet_quant.tflite"
GUARD = 64
GUARD_BYTE = 0x5A

SOC = SocMap(
    clock_hz=50_000_000,
    uart_rxtx=0xF0001000,
    uart_txfull=0xF0001004,
    uart_rxempty=0xF0001008,
    uart_ev_pending=0xF0001010,
    main_ram=Region(origin=0x40000000, size_bytes=4 << 20),
    sram=Region(origin=0x10000000, size_bytes=8192),
)
CPU_FLAGS = {
    "rv32im": ("-march=rv32im", "-misa-spec=2.2", "-mabi=ilp32"),
    "rv32i": ("-march=rv32i", "-misa-spec=2.2", "-mabi=ilp32"),
    "no divider": ("-march=rv32im", "-misa-spec=2.2", "-mabi=ilp32", "-mno-div"),
}
LIBGCC_FLAGS = {
    "rv32im": ("-march=rv32im", "-mabi=ilp32"),
    "rv32i": ("-march=rv32i", "-mabi=ilp32"),
    "no divider": ("-march=rv32i", "-mabi=ilp32"),
}


def commands_for(
    firmware: Firmware, core: str, options: FirmwareOptions
) -> tuple[tuple[str, ...], ...]:
    """Return the commands that compile a firmware for a core of ``CPU_FLAGS``."""
    return riscv_commands(
        firmware, options=options, cpu_flags=CPU_FLAGS[core], libgcc_flags=LIBGCC_FLAGS[core]
    )


def compile_in(folder: Path, *commands: Sequence[str]) -> None:
    for command in commands:
        compile_once(command, folder, log=folder / "compiler.log", timeout_s=120)


def host_firmware(
    model: Model,
    out: Path,
    *,
    options: FirmwareOptions | None = None,
    kernels: KernelSet = PLAIN_KERNELS,
    sanitise: bool = False,
) -> Path:
    """Generate and compile for the host; return the program."""
    firmware = generate(
        model, kernels=kernels, options=options or FirmwareOptions(), soc=None, out=out
    )
    compile_in(out, host_command(firmware, sanitise=sanitise))
    return out / HOST_NAME


def riscv_firmware(
    model: Model,
    out: Path,
    *,
    core: str,
    options: FirmwareOptions | None = None,
    soc: SocMap = SOC,
) -> Firmware:
    """Generate and compile for a core of ``CPU_FLAGS``."""
    options = options or FirmwareOptions()
    firmware = generate(model, kernels=PLAIN_KERNELS, options=options, soc=soc, out=out)
    compile_in(out, *commands_for(firmware, core, options))
    return firmware


def run_batch(program: Path, model: Model, inputs: Sequence[bytes]) -> tuple[Golden, ...]:
    folder = program.parent
    command = batch_command(program, inputs, folder=folder)
    run_tool(command, cwd=folder, log=folder / "run.log", timeout_s=120)
    return batch_answers(model, folder)


def reference_outputs(content: bytes, model: Model, given: bytes) -> list[bytes]:
    """Bytes of each layer's output by TFLite's reference kernels."""
    interpreter = Interpreter(
        model_content=normalised(content, "network", model),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    for tensor, part in model.input_parts(given):
        values = np.frombuffer(part, tensor.type.numpy_name).reshape(tensor.shape)
        interpreter.set_tensor(tensor.index, values)
    interpreter.invoke()
    return [
        b"".join(interpreter.get_tensor(tensor.index).tobytes() for tensor in layer.outputs)
        for layer in model.layers
    ]


def crcs_of(outputs: Sequence[bytes]) -> tuple[int, ...]:
    return tuple(zlib.crc32(output) for output in outputs)


def small_network() -> bytes:
    """A network of seven operators, small enough for an emulated core."""
    return build(small_network_spec())


def small_network_spec() -> ModelSpec:
    generator = np.random.default_rng(5)

    def weights(shape: list[int], dimension: int) -> TensorSpec:
        channels = shape[dimension]
        scales = [float(s) for s in generator.uniform(0.005, 0.02, channels).astype(np.float32)]
        data = generator.integers(-127, 128, shape, dtype=np.int8).tobytes()
        return TensorSpec(
            shape=shape, scales=scales, zero_points=[0] * channels, dimension=dimension, data=data
        )

    def bias(channels: int) -> TensorSpec:
        data = generator.integers(-500, 500, channels).astype("<i4").tobytes()
        return TensorSpec(
            shape=[channels], scales=[1e-4], zero_points=[0], type_code=INT32, data=data
        )

    def image(shape: list[int], scale: float, zero_point: int) -> TensorSpec:
        return TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point])

    tensors = [
        image([1, 8, 7, 3], 0.02, -3),  # 0
        weights([5, 3, 3, 3], 0),  # 1
        bias(5),  # 2
        image([1, 4, 4, 5], 0.05, -128),  # 3
        weights([1, 3, 3, 5], 3),  # 4
        bias(5),  # 5
        image([1, 4, 4, 5], 0.07, 4),  # 6
        image([1, 4, 4, 5], 0.09, 9),  # 7
        image([1, 3, 2, 5], 0.09, 9),  # 8
        image([1, 30], 0.09, 9),  # 9
        weights([5, 30], 0),  # 10
        bias(5),  # 11
        image([1, 5], 0.1, 0),  # 12
        image([1, 5], 1 / 256, -128),  # 13
        TensorSpec(shape=[2], type_code=INT32, data=np.array([1, 30], "<i4").tobytes()),  # 14
    ]
    step = {"StrideH": 1, "StrideW": 1}
    dilation = {"DilationHFactor": 1, "DilationWFactor": 1}
    operators = [
        OperatorSpec(
            code=CONV_2D,
            inputs=[0, 1, 2],
            outputs=[3],
            options={
                "Padding": SAME,
                "StrideH": 2,
                "StrideW": 2,
                "FusedActivationFunction": RELU,
                **dilation,
            },
        ),
        OperatorSpec(
            code=DEPTHWISE_CONV_2D,
            inputs=[3, 4, 5],
            outputs=[6],
            options={"Padding": SAME, **step, "DepthMultiplier": 1, **dilation},
        ),
        OperatorSpec(code=ADD, inputs=[3, 6], outputs=[7]),
        OperatorSpec(
            code=AVERAGE_POOL_2D,
            inputs=[7],
            outputs=[8],
            options={"Padding": VALID, **step, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2},
        ),
        OperatorSpec(code=RESHAPE, inputs=[8, 14], outputs=[9]),
        OperatorSpec(code=FULLY_CONNECTED, inputs=[9, 10, 11], outputs=[12]),
        OperatorSpec(code=SOFTMAX, inputs=[12], outputs=[13], options={"Beta": 1.0}),
    ]
    return ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[13])


def confident_network(inputs: int = 16, classes: int = 4) -> bytes:
    """A classifier that is sure whatever it sees: its softmax is the same for every input."""
    weights = np.random.default_rng(3).integers(-20, 21, (classes, inputs), dtype=np.int8)
    bias = np.array([0, 40_000, -40_000, 0][:classes], dtype="<i4")
    tensors = [
        TensorSpec(shape=[1, inputs], scales=[0.02], zero_points=[0]),
        TensorSpec(shape=weights.shape, scales=[0.01], zero_points=[0], data=weights.tobytes()),
        TensorSpec(
            shape=[classes], scales=[0.0002], zero_points=[0], type_code=INT32, data=bias.tobytes()
        ),
        TensorSpec(shape=[1, classes], scales=[0.1], zero_points=[0]),
        TensorSpec(shape=[1, classes], scales=[0.3], zero_points=[0]),
        TensorSpec(shape=[1, classes], scales=[1 / 256], zero_points=[-128]),
    ]
    operators = [
        OperatorSpec(code=FULLY_CONNECTED, inputs=[0, 1, 2], outputs=[3]),
        OperatorSpec(code=ADD, inputs=[3, 3], outputs=[4]),
        OperatorSpec(code=SOFTMAX, inputs=[4], outputs=[5], options={"Beta": 9.0}),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[5]))


def load_bytes(content: bytes, folder: Path) -> tuple[Path, Model]:
    path = folder / "network.tflite"
    path.write_bytes(content)
    return path, load_model(path)


class KernelLibrary:
    """The plain kernels of one unrolling as shared libraries, called with guarded buffers.

    Those of ``network`` are compiled at once, others when a model needs them.
    """

    def __init__(
        self,
        folder: Path,
        unroll: int,
        *,
        network: bytes | None = None,
        operator_folders: Sequence[Path] = (),
    ) -> None:
        self.align = max(4, unroll)
        self.scratch_rows = 4
        model = model_from_bytes(
            network or small_network(), "network", operator_folders=operator_folders
        )
        self._folder = folder
        self._options = FirmwareOptions(unroll=unroll)
        self._functions: dict[str, Any] = {}
        self._structures: dict[str, type[ctypes.Structure]] = {}
        self.compile(model)

    def compile(self, model: Model) -> None:
        """Compile the kernels of a model that are not there yet."""
        missing = {layer.kernel for layer in model.layers} - self._functions.keys()
        if not missing:
            return
        out = self._folder / f"kernels_{len(self._functions)}"
        firmware = generate(model, kernels=PLAIN_KERNELS, options=self._options, soc=None, out=out)
        program = list(host_command(firmware))
        first = program.index(firmware.sources[0])
        sources = [f"{kernel}.c" for kernel in sorted(missing)]
        sources += [name for name in firmware.sources if name == "multiply.c"]
        compile_in(out, [*program[:first], *sources, "-shared", "-fPIC", "-g", "-o", "kernels.so"])
        library = ctypes.CDLL(str(out / "kernels.so"))
        self._functions |= {kernel: getattr(library, kernel) for kernel in missing}
        self._structures |= _structures((out / "layers.h").read_text())

    def run(self, layer: Layer, tensors: Mapping[int, bytes]) -> list[bytes]:
        """Return a layer's outputs; asserts that nothing outside them and scratch is written."""
        scratch_bytes = layer.scratch_bytes(
            row_align_bytes=self.align, scratch_rows=self.scratch_rows
        )
        arrays = {c.name: c for c in layer_constants(layer, row_align_bytes=self.align)}
        fields = layer_fields(layer, row_align_bytes=self.align, scratch_bytes=scratch_bytes)
        structure = self._structures[layer.kernel]()
        keep = []
        for name, value in fields.items():
            if isinstance(value, str):
                constant = arrays[value]
                kind = getattr(ctypes, f"c_{constant.type.removesuffix('_t')}")
                array = (kind * constant.count)(*[v for row in constant.rows for v in row])
                keep.append(array)
                value = ctypes.addressof(array)
            setattr(structure, name, value)
        buffers = [_guarded(tensors[t.index] if t.data is None else t.data) for t in layer.inputs]
        outputs = [_guarded(bytes(tensor.size_bytes)) for tensor in layer.outputs]
        arguments = [
            *_arguments(buffers, is_list=layer.has_input_list),
            *_arguments(outputs, is_list=layer.has_output_list),
        ]
        scratch = [_guarded(bytes(scratch_bytes))] if scratch_bytes else []
        arguments += _arguments(scratch, is_list=False)
        self._functions[layer.kernel](ctypes.byref(structure), *arguments)
        for buffer, tensor in zip(buffers, layer.inputs, strict=True):
            assert buffer[GUARD : GUARD + tensor.size_bytes].tobytes() == (
                tensors[tensor.index] if tensor.data is None else tensor.data
            ), "a kernel wrote to its input"
        for buffer in (*buffers, *outputs, *scratch):
            guards = [*buffer[:GUARD], *buffer[-GUARD:]]
            assert set(guards) == {GUARD_BYTE}, "a kernel wrote outside its buffers"
        return [bytes(output[GUARD:-GUARD].tobytes()) for output in outputs]

    def run_model(self, model: Model, given: bytes) -> list[bytes]:
        self.compile(model)
        tensors = {tensor.index: part for tensor, part in model.input_parts(given)}
        for layer in model.layers:
            outputs = self.run(layer, tensors)
            tensors |= {t.index: out for t, out in zip(layer.outputs, outputs, strict=True)}
        return [b"".join(tensors[t.index] for t in layer.outputs) for layer in model.layers]


def _arguments(buffers: Sequence[Any], *, is_list: bool) -> list[Any]:
    pointers = [ctypes.c_void_p(buffer.ctypes.data + GUARD) for buffer in buffers]
    return [(ctypes.c_void_p * len(pointers))(*pointers)] if is_list else list(pointers)


@cache
def _structure(name: str, members: tuple[tuple[str, Any], ...]) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": list(members)})


def _structures(header: str) -> dict[str, type[ctypes.Structure]]:
    """Read the C structures of layers.h, so that the test sees the layout that C sees."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    found = {}
    for name, body in re.findall(r"struct (\w+)_layer \{(.*?)\};", text, flags=re.DOTALL):
        members: list[tuple[str, Any]] = []
        for declaration in filter(None, map(str.strip, body.split(";"))):
            kind, names = re.fullmatch(r"((?:const )?\w+)\s+(.*)", declaration, re.DOTALL).groups()
            for member in names.split(","):
                is_pointer = "*" in member
                assert is_pointer or kind == "int32_t"
                members.append(
                    (member.strip(" *\n"), ctypes.c_void_p if is_pointer else ctypes.c_int32)
                )
        found[name] = _structure(name, tuple(members))
    return found


def structure_members(structure: str) -> set[str]:
    """Return the names of the members of a ``Layer.structure``."""
    (found,) = _structures(structure).values()
    return {name for name, _ in found._fields_}  # type: ignore[misc]


def _guarded(content: bytes) -> Any:
    buffer = np.full(len(content) + 2 * GUARD, GUARD_BYTE, np.uint8)
    buffer[GUARD : GUARD + len(content)] = np.frombuffer(content, np.uint8)
    return buffer
