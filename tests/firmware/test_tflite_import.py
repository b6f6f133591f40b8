"""What the importer takes, what it refuses, and that a damaged file never does worse."""

import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from sw_templates.generate import generate
from sw_templates.graph.obstacles import UnsupportedModel, operator_fix
from sw_templates.operators.average_pool2d import AveragePool2d
from sw_templates.operators.conv2d import Conv2d
from sw_templates.options import PLAIN_KERNELS, FirmwareOptions
from sw_templates.tflite_import import load_model, model_from_bytes
from tests.examples import examples
from tests.firmware.firmware_bench import IMGC, KernelLibrary, small_network
from tests.firmware.tflite_builder import (
    ADD,
    AVERAGE_POOL_2D,
    CONV_2D,
    FLOAT32,
    FULLY_CONNECTED,
    INT32,
    RESHAPE,
    SAME,
    SOFTMAX,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)


def vector(size: int = 4, **changes: Any) -> TensorSpec:
    return replace(TensorSpec(shape=[1, size], scales=[0.1], zero_points=[0]), **changes)


def weights(**changes: Any) -> TensorSpec:
    return replace(
        TensorSpec(shape=[3, 4], scales=[0.1], zero_points=[0], data=bytes(12), name="weights"),
        **changes,
    )


def bias(**changes: Any) -> TensorSpec:
    return replace(TensorSpec(shape=[3], type_code=INT32, data=bytes(12), name="bias"), **changes)


def fully_connected(**tensors: TensorSpec) -> ModelSpec:
    parts = {
        "given": vector(name="given"),
        "weights": weights(),
        "bias": bias(),
        "result": vector(3, name="result"),
        **tensors,
    }
    return ModelSpec(
        tensors=list(parts.values()),
        operators=[
            OperatorSpec(
                code=FULLY_CONNECTED,
                inputs=[0, 1, 2],
                outputs=[3],
                options={"FusedActivationFunction": 0},
            )
        ],
        inputs=[0],
        outputs=[3],
    )


def refusal(spec: ModelSpec) -> str:
    with pytest.raises(ConfigError) as caught:
        model_from_bytes(build(spec), "net")
    return caught.value.what


def test_a_network_becomes_layers_in_order() -> None:
    model = model_from_bytes(small_network(), "net")
    assert [layer.operator for layer in model.layers] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "ADD",
        "AVERAGE_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    conv, pool = model.layers[0], model.layers[3]
    assert isinstance(conv, Conv2d)
    assert isinstance(pool, AveragePool2d)
    assert (conv.window.pad_top, conv.window.pad_left) == (0, 1)
    assert conv.macs == 4 * 4 * 5 * 27
    assert conv.activation.minimum == -128
    assert pool.output.shape == (1, 3, 2, 5)


def test_the_classifier_of_mlperf_tiny_has_its_published_macs() -> None:
    if not IMGC.exists():
        pytest.skip("the model is not beside this checkout")
    assert load_model(IMGC).macs == 12_501_632


def test_the_name_is_safe_to_print() -> None:
    assert model_from_bytes(small_network(), "a]\n%b").name == "a___b"


def test_an_unsupported_operator_is_named_with_its_index() -> None:
    spec = fully_connected()
    other = OperatorSpec(code=tflite.BuiltinOperator.COS, inputs=[0], outputs=[3])
    what = refusal(replace(spec, operators=[*spec.operators, other]))
    assert what.startswith("net is not supported, for one reason:\n  - COS (operator 1): ")


def test_an_operator_is_what_the_newer_of_two_fields_says() -> None:
    """Some files leave the deprecated byte 0, which alone would be an ADD."""
    model = schema.ModelT.InitFromPackedBuf(small_network(), 0)
    for code in model.operatorCodes:
        code.deprecatedBuiltinCode = 0
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    found = model_from_bytes(bytes(builder.Output()), "net")
    expected = model_from_bytes(small_network(), "net")
    assert [layer.operator for layer in found.layers] == [
        layer.operator for layer in expected.layers
    ]


def test_an_unsupported_model_names_all_reasons_with_what_helps() -> None:
    spec = fully_connected()
    others = [
        OperatorSpec(code=code, inputs=[0], outputs=[3])
        for code in (
            tflite.BuiltinOperator.COS,
            tflite.BuiltinOperator.DEQUANTIZE,
            tflite.BuiltinOperator.COS,
            tflite.BuiltinOperator.WHILE,
        )
    ]
    floats = replace(spec.operators[0], inputs=[4, 1, 2], outputs=[5])
    tensors = [*spec.tensors, vector(type_code=FLOAT32), vector(3, type_code=FLOAT32)]
    spec = replace(spec, tensors=tensors, operators=[*spec.operators, *others, floats])
    with pytest.raises(UnsupportedModel) as caught:
        model_from_bytes(build(spec), "net")
    found = {
        (obstacle.name, obstacle.count, obstacle.operators) for obstacle in caught.value.obstacles
    }
    assert found >= {
        ("COS", 2, (1, 3)),
        ("DEQUANTIZE", 1, (2,)),
        ("WHILE", 1, (4,)),
        ("FLOAT32", 2, (5,)),
    }
    text = caught.value.what
    assert "2 x COS (operators 1, 3): replace it" in text
    assert "2 FLOAT32 tensors (operator 5): convert with post-training full-integer" in text
    assert "convert without control flow" in text
    assert pickle.loads(pickle.dumps(caught.value)).obstacles == caught.value.obstacles


@pytest.mark.parametrize(
    ("name", "helps"),
    [
        ("DEQUANTIZE", "goes to float in its middle"),
        ("CUSTOM 'FlexErf'", "without SELECT_TF_OPS"),
        ("CUSTOM 'TFLite_Detection_PostProcess'", "without its post-processing"),
        ("CUSTOM 'Mine'", "no reference kernel"),
        ("VAR_HANDLE", "without variables"),
        ("SHAPE", "fixed batch size"),
        ("operator code 999", "a version of TFLite"),
    ],
)
def test_what_helps_depends_on_the_operator(name: str, helps: str) -> None:
    assert helps in operator_fix(name)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            fully_connected(given=vector(type_code=FLOAT32, name="given")),
            "operator 0 (FULLY_CONNECTED), tensor 0 ('given') float model: it has type FLOAT32",
        ),
        (fully_connected(weights=weights(data=bytes(11))), "holds 11 bytes, needs 12"),
        (fully_connected(weights=weights(data=None)), "weights that are not constant"),
        (fully_connected(weights=weights(zero_points=[1])), "tensor 1 ('weights') has the zero"),
        (fully_connected(weights=weights(scales=[0.1, 0.2], zero_points=[0, 0])), "2 scales for 3"),
        (
            fully_connected(weights=weights(scales=[0.1] * 3, zero_points=[0] * 3, dimension=1)),
            "quantised along dimension 1",
        ),
        (fully_connected(weights=weights(scales=[-0.1])), "scale that is not a finite number"),
        (fully_connected(bias=bias(scales=[0.1] * 2, zero_points=[0] * 2)), "2 scales for 3"),
        (fully_connected(bias=bias(scales=[0.1], zero_points=[1])), "zero point 1, a bias needs 0"),
        (fully_connected(result=vector(3, scales=[0.0])), "the output's scale is 0"),
        (fully_connected(given=vector(zero_points=[0, 0])), "has 2 zero points for 1 scales"),
        (fully_connected(weights=weights(scales=[float("nan")])), "scale that is not a finite"),
        (fully_connected(bias=bias(data=None)), "must be a constant bias of 3 values"),
        (
            fully_connected(bias=bias(shape=[4], data=bytes(16))),
            "must be a constant bias of 3 values",
        ),
        (
            fully_connected(bias=bias(shape=[2], data=bytes(8))),
            "must be a constant bias of 3 values",
        ),
        (fully_connected(bias=bias(type_code=FLOAT32)), "tensor 2 ('bias') float model"),
        (fully_connected(result=vector(4)), "does not lead from (1, 4) to (1, 4)"),
        (fully_connected(result=vector(3, scales=[])), "needs one scale, has 0"),
        (fully_connected(result=vector(3, scales=[1e-12])), "cannot be quantised"),
        (fully_connected(given=vector(zero_points=[128])), "zero point 128, outside int8"),
        (fully_connected(given=vector(signature=[-1, -1])), "has a dynamic shape (-1, -1)"),
        (fully_connected(given=vector(0)), "every size must be >= 1"),
        (replace(fully_connected(), inputs=[0, 1]), "is a constant used as the model's input"),
        (replace(fully_connected(), inputs=[0, 0]), "is the model's input twice"),
        (replace(fully_connected(), outputs=[1]), "is the model's output, but no operator"),
        (replace(fully_connected(), outputs=[99]), "tensor 99 ('') does not exist"),
        (replace(fully_connected(), operators=[]), "has no operators"),
    ],
)
def test_what_is_wrong_is_named(spec: ModelSpec, message: str) -> None:
    assert message in refusal(spec)


def test_an_unknown_batch_size_is_taken_as_one() -> None:
    model = model_from_bytes(build(fully_connected(given=vector(signature=[-1, 4]))), "net")
    assert model.inputs[0].shape == (1, 4)


def operator(code: int, inputs: list[int], options: dict[str, float]) -> OperatorSpec:
    return OperatorSpec(code=code, inputs=inputs, outputs=[len(inputs)], options=options)


def image(shape: list[int], **changes: Any) -> TensorSpec:
    return replace(TensorSpec(shape=shape, scales=[0.1], zero_points=[0]), **changes)


CONV = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
POOL = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2}
FILTER = TensorSpec(shape=[2, 1, 1, 3], scales=[0.1], zero_points=[0], data=bytes(6))
BIAS = TensorSpec(shape=[2], type_code=INT32, data=bytes(8))


def convolution(options: dict[str, float], **changes: TensorSpec) -> ModelSpec:
    parts = {
        "given": image([1, 4, 4, 3]),
        "filter": FILTER,
        "bias": BIAS,
        "result": image([1, 4, 4, 2]),
        **changes,
    }
    return ModelSpec(
        tensors=list(parts.values()),
        operators=[operator(CONV_2D, [0, 1, 2], {**CONV, **options})],
        inputs=[0],
        outputs=[3],
    )


def unary(code: int, given: TensorSpec, result: TensorSpec, **options: float) -> ModelSpec:
    return ModelSpec(
        tensors=[given, result],
        operators=[operator(code, [0], options)],
        inputs=[0],
        outputs=[1],
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (convolution({"StrideH": 0}), "has a kernel, stride or dilation outside 1 to 4096"),
        (convolution({"StrideW": 2}), "has size 4 in dimension 2, needs 2"),
        (convolution({"FusedActivationFunction": 4}), "fused activation 4"),
        (convolution({}, given=image([2, 4, 4, 3])), "has 2 images"),
        (convolution({}, given=image([1, 4, 4, 6])), "has 3 input channels, the image 6"),
        (convolution({}, result=image([1, 4, 4, 3])), "has the shape (1, 4, 4, 3), needs"),
        (convolution({}, result=image([4, 4, 2])), "not 4 sizes"),
        (
            unary(AVERAGE_POOL_2D, image([1, 4, 4, 3]), image([1, 4, 4, 3], scales=[0.2]), **POOL),
            "must have the scale and zero point of the input",
        ),
        (
            unary(
                AVERAGE_POOL_2D,
                image([1, 4, 4, 3]),
                image([1, 4, 4, 3]),
                **{**POOL, "FilterHeight": 1 << 30},
            ),
            "kernel, stride or dilation outside 1 to 4096",
        ),
        (unary(SOFTMAX, vector(), vector(), Beta=1.0), "needs the scale 1/256"),
        (unary(SOFTMAX, image([]), image([]), Beta=1.0), "tensor 0 ('t') has no dimensions"),
        (unary(RESHAPE, vector(4), vector(5)), "has the shape (1, 5), the input (1, 4)"),
        (
            ModelSpec(
                tensors=[vector(4), vector(3), vector(4)],
                operators=[operator(ADD, [0, 1], {})],
                inputs=[0],
                outputs=[2],
            ),
            "tensor 1 ('t') has the shape (1, 3), which does not go with (1, 4)",
        ),
    ],
)
def test_geometry_that_does_not_fit_is_named(spec: ModelSpec, message: str) -> None:
    assert message in refusal(spec)


def test_reading_before_writing_is_refused() -> None:
    spec = ModelSpec(
        tensors=[vector(4), vector(4), vector(4)],
        operators=[operator(ADD, [0, 1], {})],
        inputs=[0],
        outputs=[2],
    )
    assert "tensor 1 ('t') is read before anything writes it" in refusal(spec)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.tflite cannot be read: No such file"):
        load_model(tmp_path / "none.tflite")


def test_a_folder_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x7fELF\x01\x01\x01\x00\x00", b"x" * 100])
def test_other_files_are_not_tflite(content: bytes) -> None:
    with pytest.raises(ConfigError, match="is not a TFLite file"):
        model_from_bytes(content, "net")


# A damaged file may still be a model; then the generator must cope with it. Otherwise ConfigError.

SMALL = small_network()
FUZZ = settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))


def survives(content: bytes, out: Path) -> None:
    try:
        model = model_from_bytes(content, "net")
    except ConfigError:
        return
    generate(model, kernels=PLAIN_KERNELS, options=FirmwareOptions(), soc=None, out=out)
    if model.macs < 1_000_000 and model.input_bytes < 10_000:
        library(out).run_model(model, bytes(model.input_bytes))


@cache
def library(folder: Path) -> KernelLibrary:
    return KernelLibrary(folder, 4)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.slow
@FUZZ
@given(cut=st.integers(0, len(SMALL)))
def test_a_cut_file_is_refused_or_runs(out: Path, cut: int) -> None:
    survives(SMALL[:cut], out)


@pytest.mark.slow
@FUZZ
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6
    )
)
def test_changed_bytes_are_refused_or_run(out: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(SMALL)
    for place, value in changes:
        content[place] = value
    survives(bytes(content), out)


@pytest.mark.slow
@FUZZ
@given(
    place=st.integers(0, len(SMALL) // 4 - 1),
    value=st.sampled_from([0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000]),
)
@example(place=0, value=8)
def test_changed_words_are_refused_or_run(out: Path, place: int, value: int) -> None:
    words = np.frombuffer(SMALL[: len(SMALL) // 4 * 4], "<u4").copy()
    words[place] = value
    survives(words.tobytes(), out)


@FUZZ
@given(junk=st.binary(max_size=400))
def test_junk_behind_the_signature_is_refused(out: Path, junk: bytes) -> None:
    survives(b"\x10\x00\x00\x00TFL3" + junk, out)


def test_an_empty_model_is_refused() -> None:
    spec = ModelSpec(tensors=[], operators=[], inputs=[], outputs=[])
    assert "0 inputs" in refusal(spec)


def test_errors_say_how_to_fix() -> None:
    with pytest.raises(ConfigError, match=r"fix: give a \.tflite file"):
        model_from_bytes(b"", "net")
