"""Networks with several inputs and outputs: one after the other on the serial line."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from sw_templates.memory_plan import ALIGNMENT_BYTES, plan_memory
from sw_templates.model import Model
from sw_templates.options import FirmwareOptions
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import model_from_bytes
from sw_templates.workload import workload_report
from tests.examples import examples
from tests.firmware.firmware_bench import host_firmware, load_bytes, run_batch
from tests.firmware.test_memory_plan import check, random_graph, tensor
from tests.firmware.tflite_builder import (
    ADD,
    INT32,
    RESHAPE,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)


def vector(size: int, scale: float = 0.1, zero_point: int = 0) -> TensorSpec:
    return TensorSpec(shape=[1, size], scales=[scale], zero_points=[zero_point])


def two_sums(**changes: list[int]) -> ModelSpec:
    """Inputs 3 (5 elements), 0 (21 elements), 5 (5); outputs 4, an input, 4 again, 2, a reshape."""
    tensors = [
        vector(21, 0.11, 3),  # 0
        vector(21, 0.07, -5),  # 1
        vector(21, 0.2, 7),  # 2
        vector(5, 0.03, 1),  # 3
        vector(5, 0.09, -20),  # 4
        vector(5, 0.05, 11),  # 5
        TensorSpec(shape=[21, 1], scales=[0.11], zero_points=[3]),  # 6
    ]
    operators = [
        OperatorSpec(code=ADD, inputs=[0, 0], outputs=[1]),
        OperatorSpec(code=ADD, inputs=[3, 5], outputs=[4]),
        OperatorSpec(code=ADD, inputs=[1, 0], outputs=[2]),
        OperatorSpec(code=RESHAPE, inputs=[0, 8], outputs=[6]),
        # reads what is an output already
        OperatorSpec(code=ADD, inputs=[4, 4], outputs=[7]),
    ]
    tensors.append(vector(5, 0.2, 0))  # 7
    shape = np.array([21, 1], "<i4").tobytes()
    tensors.append(TensorSpec(shape=[2], type_code=INT32, data=shape))  # 8
    ends = {"inputs": [3, 0, 5], "outputs": [4, 3, 4, 2, 6, 7], **changes}
    return ModelSpec(tensors=tensors, operators=operators, **ends)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    return load_bytes(build(two_sums()), tmp_path_factory.mktemp("network"))


def test_inputs_and_outputs_are_in_the_order_of_the_file(network: tuple[Path, Model]) -> None:
    _, model = network
    assert [tensor.index for tensor in model.inputs] == [3, 0, 5]
    assert [tensor.index for tensor in model.outputs] == [4, 3, 4, 2, 6, 7]
    assert model.input_bytes == 31
    assert model.input_offsets == (0, 5, 26)
    assert model.output_bytes == 5 + 5 + 5 + 21 + 21 + 5


@pytest.mark.parametrize("sanitise", [False, True])
def test_every_output_is_bit_exact(
    network: tuple[Path, Model], tmp_path: Path, sanitise: bool
) -> None:
    path, model = network
    inputs = random_inputs(model, count=4, seed=1)
    program = host_firmware(model, tmp_path / "firmware", sanitise=sanitise)
    answers = run_batch(program, model, inputs)
    assert answers == golden_inferences(path, model, inputs)
    first, second = (next(model.output_parts(answer.output))[1] for answer in answers[:2])
    assert first != second


def test_inputs_that_lie_aligned_side_by_side_are_not_copied(tmp_path: Path) -> None:
    tensors = [vector(16, 0.1), vector(5, 0.1), vector(16, 0.2), vector(5, 0.2)]
    operators = [
        OperatorSpec(code=ADD, inputs=[0, 0], outputs=[2]),
        OperatorSpec(code=ADD, inputs=[1, 1], outputs=[3]),
    ]
    spec = ModelSpec(tensors=tensors, operators=operators, inputs=[0, 1], outputs=[3, 2])
    path, model = load_bytes(build(spec), tmp_path)
    assert not plan_memory(model, row_align_bytes=4, scratch_rows=1).copied_inputs
    inputs = random_inputs(model, count=2, seed=1)
    program = host_firmware(model, tmp_path / "firmware")
    assert "copy_inputs" not in (tmp_path / "firmware" / "model.c").read_text()
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


def test_the_serial_line_has_them_one_after_the_other(
    network: tuple[Path, Model], tmp_path: Path
) -> None:
    path, model = network
    given_bytes = random_inputs(model, count=1, seed=4)[0]
    (expected,) = golden_inferences(path, model, [given_bytes])
    program = host_firmware(model, tmp_path / "integers")
    commands = f"db load 31%db {given_bytes.hex()}%infer 2 0%output%check%db print%"
    answer = _ask(program, commands)
    values = ",".join(str(value) for value in np.frombuffer(expected.output, np.int8))
    assert f"m-results-[{values}]\r\n" in answer
    assert f"m-output-[{expected.output.hex()}]\r\n" in answer
    for number, crc in enumerate(expected.layer_crcs):
        assert f"m-crc-[{number},{crc:08x}]" in answer
    printed = answer.split("m-check-done")[1].split("m-buffer-", 1)[1].split("\r\nm-ready")[0]
    assert printed.replace("\r\nm-buffer", "").replace("-", "") == given_bytes.hex()

    program = host_firmware(
        model, tmp_path / "floats", options=FirmwareOptions(results="floats", inputs="uint8")
    )
    pixels = bytes(byte ^ 0x80 for byte in given_bytes)
    answer = _ask(program, f"db load 31%db {pixels.hex()}%infer 1 0%")
    texts = [
        f"{np.float32(tensor.scale * (int(value) - tensor.zero_point)):0.3f}"
        for tensor, part in model.output_parts(expected.output)
        for value in np.frombuffer(part, np.int8)
    ]
    assert f"m-results-[{','.join(texts)}]\r\n" in answer


def _ask(program: Path, commands: str) -> str:
    run = subprocess.run(
        [program], input=commands.encode(), capture_output=True, timeout=60, check=True
    )
    return run.stdout.decode()


@settings(max_examples=examples(200), deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    layers=st.integers(1, 10),
    further=st.lists(st.integers(1, 90), max_size=3),
    data=st.data(),
)
def test_no_two_live_buffers_overlap(
    seed: int, layers: int, further: list[int], data: st.DataObject
) -> None:
    graph = random_graph(seed, layers)
    inputs = (*graph.inputs, *(tensor(1000 + n, size) for n, size in enumerate(further)))
    written = [*inputs, *(out for layer in graph.layers for out in layer.outputs)]
    outputs = data.draw(st.lists(st.sampled_from(written), min_size=1, max_size=4))
    model = Model(
        name="graph",
        layers=graph.layers,
        inputs=inputs,
        outputs=tuple(outputs),
        file_inputs=inputs,
        file_outputs=tuple(outputs),
        input_steps=tuple(() for _ in inputs),
        output_steps=tuple(() for _ in outputs),
        operators=graph.operators,
    )
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=1)
    check(model, plan)
    for each, offset in zip(model.inputs, model.input_offsets, strict=True):
        if each.index in plan.copied_inputs:
            (buffer,) = (b for b in plan.buffers if each.index in b.tensors)
            assert buffer.first == -1
        else:
            assert plan.input_offsets[each.index] == offset
            assert offset % ALIGNMENT_BYTES == 0
    assert (plan.gathered_offset is None) is (len(outputs) == 1)
    workload_report(model)


def test_the_report_names_what_is_copied(network: tuple[Path, Model]) -> None:
    report = workload_report(network[1])
    names = [buffer.name for buffer in report.buffers]
    assert names.count("copy of an input") == 1
    assert "copy of an input, output of reshape_3" in names
    assert names[-1] == "outputs side by side"
    assert [each.shape for each in report.inputs] == [(1, 5), (1, 21), (1, 5)]
    assert {each.type for each in (*report.inputs, *report.outputs)} == {"int8"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": [3, 0, 5, 3]}, "tensor 3 ('t') is the model's input twice"),
        ({"inputs": [3, 0]}, "tensor 5 ('t') is read before anything writes it"),
        ({"inputs": [3, 0, 5, 4]}, "tensor 4 ('t') is written twice"),
        ({"inputs": []}, "has 0 inputs and 6 outputs"),
        ({"outputs": []}, "has 3 inputs and 0 outputs"),
        ({"outputs": [4, 99]}, "tensor 99 ('') does not exist"),
        ({"outputs": [-1]}, "tensor -1 ('') does not exist"),
    ],
)
def test_what_is_wrong_at_the_edges_is_named(changes: dict[str, list[int]], message: str) -> None:
    with pytest.raises(ConfigError, match="fix:") as caught:
        model_from_bytes(build(two_sums(**changes)), "net")
    assert message in caught.value.what


def test_an_input_may_be_the_only_output(tmp_path: Path) -> None:
    path, model = load_bytes(build(two_sums(outputs=[3])), tmp_path)
    inputs = random_inputs(model, count=2, seed=1)
    program = host_firmware(model, tmp_path / "firmware")
    answers = run_batch(program, model, inputs)
    assert answers == golden_inferences(path, model, inputs)
    assert answers[0].output == inputs[0][:5]
