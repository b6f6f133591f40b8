"""The page on fewer bits, followed on a tiny network: variants, their accuracy, a front of both."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.docs.conftest import PYTHON, run
from tests.docs.pages import named_blocks
from tests.fast_design import CPU, FIRMWARE, space_toml
from tests.firmware.firmware_bench import small_network_spec
from tests.firmware.int4_networks import with_int4_weights
from tests.firmware.tflite_builder import (
    CONV_2D,
    FLOAT32,
    FULLY_CONNECTED,
    INT32,
    NONE,
    RESHAPE,
    SAME,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

SHAPE = (6, 6, 3)
ENGINE = {
    **{"cfu": "engine", "engine_rows": 8, "engine_cols": 8, "engine_units": 2},
    **{"engine_activation_kib": 8, "engine_weight_kib": 8, "engine_clock_percent": 100},
    **{"engine_packed": True, "engine_lut_percent": 0, "engine_weight_bits": [4, 8]},
}


def float_network() -> bytes:
    """Return a tiny float network with the signature that a converter gives it."""
    generator = np.random.default_rng(1)
    tensors: list[TensorSpec] = []

    def add(*shape: int, is_constant: bool = False) -> int:
        data = generator.normal(0, 0.3, shape).astype("<f4").tobytes() if is_constant else None
        tensors.append(
            TensorSpec(shape=[*shape], scales=[], zero_points=[], type_code=FLOAT32, data=data)
        )
        return len(tensors) - 1

    image, filters = add(1, *SHAPE), add(8, 3, 3, 3, is_constant=True)
    bias, between, vector = add(8, is_constant=True), add(1, 6, 6, 8), add(1, 288)
    matrix, offsets, classes = add(4, 288, is_constant=True), add(4, is_constant=True), add(1, 4)
    shape = np.array([1, 288], "<i4").tobytes()
    tensors.append(TensorSpec(shape=[2], scales=[], zero_points=[], type_code=INT32, data=shape))
    window = {"Padding": SAME, "StrideW": 1, "StrideH": 1}
    window |= {"DilationWFactor": 1, "DilationHFactor": 1}
    operators = [
        OperatorSpec(
            code=CONV_2D, inputs=[image, filters, bias], outputs=[between], options=window
        ),
        OperatorSpec(code=RESHAPE, inputs=[between, len(tensors) - 1], outputs=[vector]),
        OperatorSpec(
            code=FULLY_CONNECTED,
            inputs=[vector, matrix, offsets],
            outputs=[classes],
            options={"FusedActivationFunction": NONE},
        ),
    ]
    content = build(
        ModelSpec(tensors=tensors, operators=operators, inputs=[image], outputs=[classes])
    )
    return signed(content, given="args_0")


def signed(content: bytes, *, given: str) -> bytes:
    """Return a file whose tensors have names of their own and whose input is called ``given``."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    for number, tensor in enumerate(graph.tensors):
        tensor.name = f"tensor_{number}".encode()
    signature = schema.SignatureDefT()
    signature.signatureKey = b"serving_default"
    signature.inputs, signature.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    for named, name, index in (
        (signature.inputs[0], given, graph.inputs[0]),
        (signature.outputs[0], "output_0", graph.outputs[0]),
    ):
        named.name, named.tensorIndex = name.encode(), index
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_the_quantiser_writes_variants_that_are_supported(tmp_path: Path) -> None:
    pytest.importorskip(
        "ai_edge_quantizer", reason="ai-edge-quantizer is not a part of this project"
    )
    (tmp_path / "float.tflite").write_bytes(float_network())
    text = named_blocks("python")["fewer_bits.py"]
    text = text.replace("(32, 32, 3)", str(SHAPE)).replace("(softmax|Softmax|dense)", "tensor_7")
    (tmp_path / "fewer_bits.py").write_text(text)
    subprocess.run([sys.executable, "fewer_bits.py"], cwd=tmp_path, check=True)

    told = json.loads(run([*PYTHON, "workload", "variants", "--json"], tmp_path).stdout)

    bits = {
        each["name"]: [layer["weight_bits"] for layer in each["layers"] if layer["weight_bits"]]
        for each in told
    }
    assert bits == {"w8": [8, 8], "w4": [4, 4], "w4_ends_w8": [4, 8]}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_study_over_bits_has_a_front_of_accuracy_and_latency(tmp_path: Path) -> None:
    variants, samples = tmp_path / "variants", tmp_path / "samples"
    variants.mkdir()
    samples.mkdir()
    spec = small_network_spec()
    (variants / "w8.tflite").write_bytes(build(spec))
    (variants / "w4.tflite").write_bytes(build(with_int4_weights(spec)))
    size = int(np.prod(spec.tensors[spec.inputs[0]].shape))
    classes = spec.tensors[spec.outputs[0]].shape[-1]
    generator = np.random.default_rng(2)
    labels = []
    for number in range(4):
        (samples / f"{number}.bin").write_bytes(generator.bytes(size))
        labels.append(f"{number}.bin,{classes},{number % classes}\n")
    (samples / "y_labels.csv").write_text("".join(labels))
    text = named_blocks("toml")["fewer_bits.toml"].partition("[space]")[0]
    for page, here in (
        ("trials = 60", "trials = 4"),
        ('"synthesise"', '"simulate"\n[suggest]\nalgorithm = "grid"'),
        ('"float32"', '"int8"'),
        ('"ulx3s_85f"', '"on_chip_85f"'),
        ('"latency_us", "lut4"', '"latency_us"'),
        ("[constraints]\ndp16kd = 208\n", ""),
    ):
        assert page in text
        text = text.replace(page, here)
    text += space_toml({**CPU, **FIRMWARE, **ENGINE})
    assert tomllib.loads(text)["workload"]["models"] == "variants"
    (tmp_path / "fewer_bits.toml").write_text(text)

    table = run([*PYTHON, "workload", "variants", "--samples", "samples"], tmp_path)
    assert table.returncode == 0, table.stderr
    assert "w4" in table.stdout
    ended = run([*PYTHON, "start", "fewer_bits.toml"], tmp_path)
    assert ended.returncode == 0, ended.stderr

    found = {}
    for number in range(1, 4):
        shown = run([*PYTHON, "show", "fewer-bits", str(number), "--json"], tmp_path)
        trial = json.loads(shown.stdout)
        design = trial["design"]
        key = design["model"].partition(".")[0], design["engine_weight_bits"]
        found[key] = trial
    # an engine of 4 bits does not hold the network of 8, so that is no design of the space
    assert found.keys() == {("w4", 4), ("w4", 8), ("w8", 8)}
    # packed weights are read in the cycles of int8; in the first and last layer the CPU has a part
    cycles = {
        key: [layer["cycles"] for layer in trial["layers"]][1:-1] for key, trial in found.items()
    }
    assert cycles["w4", 4] == cycles["w4", 8] == cycles["w8", 8]
    front = json.loads(run([*PYTHON, "front", "fewer-bits", "--json"], tmp_path).stdout)["front"]
    assert front
    assert all("accuracy_percent" in point["metrics"] for point in front)
