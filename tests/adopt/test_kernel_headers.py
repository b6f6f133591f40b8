"""Kernels written against TensorFlow Lite Micro compile as they are, and answer like TFLite."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError, ToolCrashed
from contracts.kernel_headers import KernelHeaders
from sw_templates.generate import generate
from sw_templates.options import FirmwareOptions, KernelSet
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import model_from_bytes
from sw_templates.tflm import missing_symbol
from sw_templates.tflm.complaints import complaint
from tests.adopt.kernel_project import (
    EMULATION,
    HEADERS,
    PROJECT,
    calls_of,
    host_program,
    kernel_set,
)
from tests.firmware.firmware_bench import (
    CPU_FLAGS,
    SOC,
    commands_for,
    compile_in,
    load_bytes,
    reference_outputs,
    run_batch,
    small_network,
)
from tests.firmware.random_layers import (
    average_pool_models,
    conv2d_models,
    depthwise_models,
    fully_connected_models,
    softmax_models,
)
from tests.firmware.random_operators import elementwise_models, max_pool_models
from tests.firmware.tflite_builder import ADD, SOFTMAX, ModelSpec, build

TOO_MANY_DIMENSIONS = (
    "does not define BroadcastAdd6DSlow",
    "a shape of a reference kernel has at most 6",
)
"""Of 5 and 6 dimensions, and of more, which no header of TensorFlow Lite Micro broadcasts."""
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def edited(folder: Path, header: str, old: str, new: str) -> KernelSet:
    """The project's kernels with a change of one of them."""
    shutil.copytree(PROJECT / "src", folder)
    path = folder / HEADERS[header]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return kernel_set(folder)


@pytest.mark.slow
def test_a_network_of_such_kernels_is_bit_exact_and_has_none_of_ours(tmp_path: Path) -> None:
    path, model = load_bytes(small_network(), tmp_path)
    kernels = kernel_set()
    firmware = generate(
        model, kernels=kernels, options=FirmwareOptions(), soc=None, out=tmp_path / "f"
    )
    used = {layer.kernel for layer in model.layers} & HEADERS.keys()
    assert len(used) >= 5
    assert all(calls_of(firmware, kernel) for kernel in used)
    inputs = random_inputs(model, count=20, seed=3)
    answers = run_batch(host_program(model, tmp_path / "host", kernels), model, inputs)
    assert answers == golden_inferences(path, model, inputs)


@pytest.mark.parametrize(
    ("kernel", "old", "new"),
    [
        ("conv2d", "acc += params.output_offset;", "acc += params.output_offset + 1;"),
        ("fully_connected", "acc += bias_data[out_c];", "acc += bias_data[0];"),
        ("add", "left + right", "left - right"),
    ],
)
def test_a_wrong_kernel_is_seen(tmp_path: Path, kernel: str, old: str, new: str) -> None:
    path, model = load_bytes(small_network(), tmp_path)
    program = host_program(model, tmp_path / "host", edited(tmp_path / "k", kernel, old, new))
    inputs = random_inputs(model, count=5, seed=3)
    assert run_batch(program, model, inputs) != golden_inferences(path, model, inputs)


@pytest.mark.parametrize("core", CPU_FLAGS)
def test_the_same_headers_compile_for_every_core(tmp_path: Path, core: str) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    options = FirmwareOptions(optimisation="Os")
    firmware = generate(model, kernels=kernel_set(), options=options, soc=SOC, out=tmp_path / "f")
    compile_in(tmp_path / "f", *commands_for(firmware, core, options))


@pytest.mark.slow
@pytest.mark.parametrize(
    "models",
    [
        conv2d_models(),
        depthwise_models(),
        fully_connected_models(),
        average_pool_models(),
        max_pool_models(),
        elementwise_models().filter(lambda spec: spec.operators[0].code == ADD),
        softmax_models().filter(lambda spec: spec.operators[0].code == SOFTMAX),
    ],
    ids=["conv", "depthwise", "fully_connected", "average", "max", "add", "softmax"],
)
def test_every_kernel_is_bit_exact_over_random_shapes(
    models: st.SearchStrategy[ModelSpec], tmp_path: Path
) -> None:
    number = iter(range(1_000_000))

    @FEW
    @given(spec=models, seed=st.integers(0, 2**32 - 1))
    def check(spec: ModelSpec, seed: int) -> None:
        content = build(spec)
        model = model_from_bytes(content, "network")
        try:
            program = host_program(model, tmp_path / str(next(number)), kernel_set())
        except ConfigError as error:  # said by name: the project's headers broadcast 4 dimensions
            if not any(reason in error.what for reason in TOO_MANY_DIMENSIONS):
                raise
            reject()
        generator = np.random.default_rng(seed)
        given_bytes = generator.integers(-128, 128, model.input_bytes, dtype=np.int8).tobytes()
        (answer,) = run_batch(program, model, [given_bytes])
        assert answer.output == reference_outputs(content, model, given_bytes)[-1]

    check()


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ('#include "tensorflow/lite/kernels/internal/optimized/im2col.h"', "im2col.h"),
        ("inline int x(const float* w) { return tflite::ops::Sum(w); }", "ops"),
        ("inline int x() { return UnpackThree(1); }", "UnpackThree"),
        ("inline int x(const ConvParams& p) { return p.groups_of_four; }", "groups_of_four"),
        ("inline void x() { std::vector<int> v; }", "vector"),
        ("inline void x() { TfLiteTensor* t = nullptr; (void)t; }", "TfLiteTensor"),
        ("#include <vector>", "vector"),
    ],
)
def test_what_the_shim_lacks_is_named_with_its_line(
    tmp_path: Path, line: str, missing: str
) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    namespace = "namespace reference_integer_ops {\n"
    kernels = edited(tmp_path / "k", "conv2d", namespace, f"{namespace}{line}\n")
    with pytest.raises(ToolCrashed):
        host_program(model, tmp_path / "host", kernels)
    found = missing_symbol((tmp_path / "host" / "compiler.log").read_text())
    assert found is not None
    where, what = found
    assert where.startswith(HEADERS["conv2d"])
    assert missing in what


def test_a_function_that_no_file_defines_is_named(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    kernels = edited(
        tmp_path / "k",
        "conv2d",
        "  perf_disable_counter(0);",
        "  extern void FlushAccelerator(); FlushAccelerator();",
    )
    firmware = generate(
        model, kernels=kernels, options=FirmwareOptions(), soc=SOC, out=tmp_path / "f"
    )
    commands = commands_for(firmware, "rv32im", FirmwareOptions())
    with pytest.raises(ToolCrashed):
        compile_in(tmp_path / "f", *commands)
    found = missing_symbol((tmp_path / "f" / "compiler.log").read_text())
    assert found is not None
    assert "FlushAccelerator" in found[1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  perf_disable_counter(0);",
            "  for (int f = 0; f < output_shape.Dims(3); f++)\n    cfu_op0(f, 1, 2);",
            r"integer_ops/conv\.h:\d+: funct3 or funct7 of an instruction is no constant",
        ),
        (
            "const int32_t* output_multiplier",
            "const uint8_t* output_multiplier",
            r"^conv\.h: ConvPerChannel takes other arguments .*: no matching function",
        ),
        (
            "  perf_disable_counter(0);",
            "  TfLiteTensor* tensor = nullptr;\n  (void)tensor;",
            r"integer_ops/conv\.h:\d+: TfLiteTensor is neither",
        ),
    ],
    ids=["funct7", "arguments", "symbol"],
)
def test_what_the_core_s_compiler_refuses_is_named_with_a_fix(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    kernels = edited(tmp_path / "k", "conv2d", old, new)
    firmware = generate(
        model, kernels=kernels, options=FirmwareOptions(), soc=SOC, out=tmp_path / "f"
    )
    with pytest.raises(ToolCrashed):
        compile_in(tmp_path / "f", *commands_for(firmware, "rv32im", FirmwareOptions()))
    found = complaint((tmp_path / "f" / "compiler.log").read_text())
    assert found is not None
    what, fix = found
    assert re.search(message, what)
    assert fix


def test_assembly_language_of_the_core_is_named_where_this_computer_meets_it(
    tmp_path: Path,
) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    line = '  asm volatile(".insn r 0x0B, 0, 1, x0, x0, x0");'
    kernels = edited(tmp_path / "k", "conv2d", "  perf_disable_counter(0);", line)
    with pytest.raises(ToolCrashed):
        host_program(model, tmp_path / "host", kernels)
    found = complaint((tmp_path / "host" / "compiler.log").read_text())
    assert found is not None
    assert re.match(r".*integer_ops/conv\.h:\d+: the assembler of this computer", found[0])
    assert "cfu_op0(funct7" in found[1]


def test_a_header_without_the_function_of_its_kernel_is_refused_by_name(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    kernels = edited(tmp_path / "k", "conv2d", "ConvPerChannel", "AnotherConv")
    with pytest.raises(ConfigError, match=r"conv\.h does not define ConvPerChannel.*conv2d_0"):
        host_program(model, tmp_path / "host", kernels)


def test_a_kernel_for_which_no_header_can_stand_is_refused_by_name(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    headers = KernelHeaders(folder=PROJECT / "src", headers={"resize": "dot.h"})
    with pytest.raises(ConfigError, match=r"kernels resize[\s\S]*fix: .*conv2d, depthwise_conv2d"):
        host_program(model, tmp_path / "h", KernelSet(folders=(EMULATION,), headers=headers))


def test_a_kernel_may_keep_a_matrix_on_the_stack(tmp_path: Path) -> None:
    path, model = load_bytes(small_network(), tmp_path)
    kernels = edited(
        tmp_path / "k", "conv2d", "static int8_t im2col[16384];", "int8_t im2col[24 << 20];"
    )
    program = host_program(model, tmp_path / "host", kernels)
    inputs = random_inputs(model, count=2, seed=3)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)
    generate(model, kernels=kernels, options=FirmwareOptions(), soc=SOC, out=tmp_path / "f")
    assert "stack_top = ORIGIN(main_ram)" in (tmp_path / "f" / "linker.ld").read_text()


def test_functions_of_one_name_in_two_headers_stay_two(tmp_path: Path) -> None:
    """One rounds twice and one once: a linker that keeps one of both would make one wrong."""
    path, model = load_bytes(small_network(), tmp_path)
    function = (
        "namespace reference_integer_ops {\n"
        "__attribute__((noinline)) inline int32_t Requantised(int32_t a, int32_t m, int s)\n"
        "{ return MultiplyByQuantizedMultiplier(a, m, s); }\n"
    )
    folder = tmp_path / "k"
    shutil.copytree(PROJECT / "src", folder)
    for kernel in ("conv2d", "fully_connected"):
        header = folder / HEADERS[kernel]
        text = header.read_text().replace("MultiplyByQuantizedMultiplier(", "Requantised(")
        header.write_text(text.replace("namespace reference_integer_ops {\n", function, 1))
    program = host_program(model, tmp_path / "host", kernel_set(folder))
    symbols = subprocess.run(
        ["nm", "-C", tmp_path / "host" / "firmware_host.o"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert symbols.count("t tflite::reference_integer_ops::Requantised(int, int, int)") == 2
    inputs = random_inputs(model, count=5, seed=3)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)
