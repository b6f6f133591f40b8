"""A network of one fully connected layer, quantised and not, for tests of samples."""

import hashlib
from pathlib import Path

import numpy as np

from runners.job import Job, Memory, SampleEncoding, Target, Workload
from runners.workload import workload_model
from sw_templates.model import Model
from tests.fast_design import CPU, FIRMWARE
from tests.firmware.tflite_builder import (
    FLOAT32,
    FULLY_CONNECTED,
    INT32,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

INPUT_SCALE = 0.5
WEIGHT_SCALE = 0.25


def network(
    inputs: int,
    outputs: int,
    *,
    zero_point: int = 3,
    output_scale: float = 0.5,
    shift: int = 0,
) -> bytes:
    """A layer whose output n is input n + ``shift``, as far as there are both."""
    weights = 4 * np.eye(outputs, inputs, k=shift, dtype=np.int8)
    tensors = [
        TensorSpec(shape=[1, inputs], scales=[INPUT_SCALE], zero_points=[zero_point]),
        TensorSpec(
            shape=[outputs, inputs], scales=[WEIGHT_SCALE], zero_points=[0], data=weights.tobytes()
        ),
        TensorSpec(
            shape=[outputs],
            scales=[INPUT_SCALE * WEIGHT_SCALE],
            zero_points=[0],
            type_code=INT32,
            data=bytes(4 * outputs),
        ),
        TensorSpec(shape=[1, outputs], scales=[output_scale], zero_points=[0]),
    ]
    return _built(tensors)


def float_network(inputs: int, outputs: int) -> bytes:
    """The same before it was quantised."""
    weights = np.eye(outputs, inputs, dtype="<f4")
    tensors = [
        TensorSpec(shape=[1, inputs], type_code=FLOAT32),
        TensorSpec(shape=[outputs, inputs], type_code=FLOAT32, data=weights.tobytes()),
        TensorSpec(shape=[outputs], type_code=FLOAT32, data=bytes(4 * outputs)),
        TensorSpec(shape=[1, outputs], type_code=FLOAT32),
    ]
    return _built(tensors)


def _built(tensors: list[TensorSpec]) -> bytes:
    layer = OperatorSpec(code=FULLY_CONNECTED, inputs=[0, 1, 2], outputs=[3])
    return build(ModelSpec(tensors=tensors, operators=[layer], inputs=[0], outputs=[3]))


def workload(
    folder: Path,
    content: bytes,
    *,
    labels: str | bytes,
    files: dict[str, bytes],
    encoding: SampleEncoding | None = None,
) -> tuple[Workload, Model]:
    """Write a model and its samples to a folder."""
    path = folder / "net.tflite"
    path.write_bytes(content)
    samples = folder / "samples"
    samples.mkdir()
    (samples / "y_labels.csv").write_bytes(labels if isinstance(labels, bytes) else labels.encode())
    for name, text in files.items():
        (samples / name).parent.mkdir(exist_ok=True)
        (samples / name).write_bytes(text)
    given = Workload(
        model=path,
        model_sha256=hashlib.sha256(content).hexdigest(),
        samples=samples,
        sample_encoding=encoding,
    )
    return given, workload_model(given)


def job(given: Workload) -> Job:
    """A design without a CFU that runs it."""
    memory = Memory(kind="on-chip", size_bytes=262144, l2_bytes=0)
    target = Target(name="on_chip", part="LFE5U-85F", clock_hz=50_000_000, memory=memory)
    return Job(design={**CPU, **FIRMWARE, "cfu": "none"}, target=target, workload=given)
