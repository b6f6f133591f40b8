"""A layer by itself meets inputs that no input of the network brings to it."""

import dataclasses
import hashlib
import subprocess
from pathlib import Path

import numpy as np
import pytest

from contracts.faults import WrongResult
from runners.job import Job
from runners.pipeline import Cache
from runners.stages.all import pipeline_of
from runners.stages.golden import read_lone
from runners.stages.kernel_check import require_lone_right
from sw_templates.host import lone_answers, lone_command
from sw_templates.options import KERNELS_FOLDER
from sw_templates.oracle.lone_layers import lone_inputs
from sw_templates.reference import lone_references
from tests.firmware.firmware_bench import host_firmware, load_bytes, small_network
from tests.firmware.tflite_builder import (
    ADD,
    FULLY_CONNECTED,
    INT32,
    RELU6,
    RESHAPE,
    SOFTMAX,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)
from tests.stages.own_family import own_family, own_job


def classifier(classes: int = 4, *, activation: int = 0, scale: float = 0.0917) -> bytes:
    """A layer, its reshaped answer, and a softmax as micro_speech has it."""
    weights = np.random.default_rng(4).integers(-60, 61, (classes, 16), dtype=np.int8)
    bias = np.zeros(classes, "<i4")
    shape = np.array([1, classes], "<i4")
    tensors = [
        TensorSpec(shape=[1, 16], scales=[0.02], zero_points=[0]),
        TensorSpec(shape=weights.shape, scales=[0.01], zero_points=[0], data=weights.tobytes()),
        TensorSpec(
            shape=[classes], scales=[0.0002], zero_points=[0], type_code=INT32, data=bias.tobytes()
        ),
        TensorSpec(shape=[classes], scales=[scale], zero_points=[14]),
        TensorSpec(shape=[2], type_code=INT32, data=shape.tobytes()),
        TensorSpec(shape=[1, classes], scales=[scale], zero_points=[14]),
        TensorSpec(shape=[1, classes], scales=[1 / 256], zero_points=[-128]),
    ]
    dense = {"FusedActivationFunction": activation}
    operators = [
        OperatorSpec(code=FULLY_CONNECTED, inputs=[0, 1, 2], outputs=[3], options=dense),
        OperatorSpec(code=RESHAPE, inputs=[3, 4], outputs=[5]),
        OperatorSpec(code=SOFTMAX, inputs=[5], outputs=[6], options={"Beta": 1.0}),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[6]))


def job_with(content: bytes, folder: Path, softmax: str) -> Job:
    """Return a job of a family whose softmax is ``softmax``."""
    job = own_job(folder, own_family(folder, templates={"softmax.c.j2": softmax}))
    job.workload.model.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return dataclasses.replace(job, workload=dataclasses.replace(job.workload, model_sha256=digest))


@pytest.mark.slow
def test_a_sum_too_large_by_the_least_step_is_a_wrong_result(tmp_path: Path) -> None:
    right = (KERNELS_FOLDER / "softmax.c.j2").read_text()
    wrong = right.replace("int64_t wide_sum = 0;", "int64_t wide_sum = 1;")
    assert wrong != right
    job = job_with(classifier(), tmp_path, wrong)
    pipeline = pipeline_of(job, cache=Cache(tmp_path / "cache"), report=lambda _: None)
    with pytest.raises(WrongResult, match=r"softmax_2 \(SOFTMAX\) by itself differs") as raised:
        pipeline.get("kernel-check")
    assert "inputs of its own" in raised.value.what  # all candidates were right


@pytest.mark.slow
def test_an_input_without_an_answer_of_the_reference_decides_nothing(tmp_path: Path) -> None:
    job = job_with(classifier(600), tmp_path, (KERNELS_FOLDER / "softmax.c.j2").read_text())
    pipeline = pipeline_of(job, cache=Cache(tmp_path / "cache"), report=lambda _: None)
    found = read_lone(pipeline.get("golden").folder)
    assert None in found  # 600 equal classes end the interpreter's process
    assert sum(crc is not None for crc in found) > len(found) / 2
    pipeline.get("kernel-check")


def test_a_layer_is_given_all_that_the_one_before_it_can_write(tmp_path: Path) -> None:
    _, model = load_bytes(classifier(activation=RELU6, scale=0.03), tmp_path)
    inputs = lone_inputs(model, seed=3)
    given = [[each.content for each in inputs if each.position == layer] for layer in range(3)]
    seen = np.frombuffer(b"".join(given[2]), np.int8)
    limits = model.layers[0].output_range
    assert (seen.min(), seen.max()) == (limits.minimum, limits.maximum) == (14, 127)
    assert len(set(given[0])) > 1000


def test_layers_of_a_kernel_are_run_in_turn(tmp_path: Path) -> None:
    _, model = load_bytes(small_network(), tmp_path)
    inputs = lone_inputs(model, seed=1)
    by_kernel: dict[str, list[int]] = {}
    for each in inputs:
        by_kernel.setdefault(model.layers[each.position].kernel, []).append(each.position)
    for kernel, found in by_kernel.items():
        lap = [at for at, layer in enumerate(model.layers) if layer.kernel == kernel]
        assert found == lap * (len(found) // len(lap)), kernel
    assert set(by_kernel) == {layer.kernel for layer in model.layers}


def sum_with_itself() -> bytes:
    """A tensor and what a reshape makes of it, which is the same memory, are added."""
    tensors = [
        TensorSpec(shape=[1, 12], scales=[0.02], zero_points=[3]),
        TensorSpec(shape=[12], scales=[0.02], zero_points=[3]),
        TensorSpec(shape=[1, 12], scales=[0.05], zero_points=[0]),
        TensorSpec(shape=[1], type_code=INT32, data=np.array([12], "<i4").tobytes()),
    ]
    operators = [
        OperatorSpec(code=RESHAPE, inputs=[0, 3], outputs=[1]),
        OperatorSpec(code=ADD, inputs=[0, 1], outputs=[2]),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[2]))


@pytest.mark.parametrize("content", [small_network(), sum_with_itself()])
def test_single_layers_of_host_and_reference_agree(content: bytes, tmp_path: Path) -> None:
    path, model = load_bytes(content, tmp_path)
    inputs = lone_inputs(model, seed=2)[::50]
    program = host_firmware(model, tmp_path / "firmware")
    subprocess.run(lone_command(program, inputs, folder=tmp_path), check=True)
    found = lone_answers(tmp_path, count=len(inputs))
    right = [*lone_references(path, model, inputs)]
    assert require_lone_right(model, inputs, right, found) == len(inputs)
    assert len(set(right)) > len(inputs) / 2
    wrong = [right[0], right[1] ^ 1, *right[2:]]
    with pytest.raises(WrongResult, match="for 1 of"):
        require_lone_right(model, inputs, wrong, found)
    with pytest.raises(Exception, match="single layers"):
        lone_answers(tmp_path, count=len(inputs) + 1)
