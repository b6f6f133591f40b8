"""What the import makes of a graph: float32 edges, folded constants, lists of tensors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from sw_templates.graph.float_edges import dequantise_values, quantise_values
from sw_templates.options import KERNELS_FOLDER, FirmwareOptions, KernelSet
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tensor import ElementType
from sw_templates.tflite_import import model_from_bytes
from sw_templates.workload import workload_report
from tests.examples import examples
from tests.firmware.firmware_bench import host_firmware, load_bytes, run_batch
from tests.firmware.random_movers import integers
from tests.firmware.test_memory_plan import tensor
from tests.firmware.tflite_builder import (
    ADD,
    CONCATENATION,
    DEQUANTIZE,
    FILL,
    FLOAT32,
    FULLY_CONNECTED,
    INT16,
    INT32,
    PACK,
    QUANTIZE,
    RESHAPE,
    SHAPE,
    SOFTMAX,
    SPLIT,
    STRIDED_SLICE,
    TRANSPOSE,
    UINT8,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)


def floats(*shape: int) -> TensorSpec:
    return TensorSpec(shape=shape, type_code=FLOAT32, name="float")


def int8(*shape: int, scale: float = 0.07, zero_point: int = -3) -> TensorSpec:
    return TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point])


def operator(code: int, inputs: list[int], *outputs: int, **options: float) -> OperatorSpec:
    return OperatorSpec(code=code, inputs=inputs, outputs=outputs, options=options)


def float_edges(**changes: object) -> ModelSpec:
    spec = ModelSpec(
        tensors=[
            floats(1, 9),
            int8(1, 9, scale=0.013, zero_point=7),
            int8(1, 9, scale=0.05, zero_point=-11),
            floats(1, 9),
            floats(1, 9),
        ],
        operators=[
            operator(QUANTIZE, [0], 1),
            operator(ADD, [1, 1], 2),
            operator(DEQUANTIZE, [2], 3),
        ],
        inputs=[0],
        outputs=[3],
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


def is_exact(path: Path, content: bytes) -> None:
    network, model = load_bytes(content, path)
    inputs = random_inputs(model, count=4, seed=3)
    program = host_firmware(model, path / "firmware", sanitise=True)
    assert run_batch(program, model, inputs) == golden_inferences(network, model, inputs)


def test_float32_edges_are_left_to_the_host(tmp_path: Path) -> None:
    content = build(float_edges())
    model = model_from_bytes(content, "net")
    assert [layer.name for layer in model.layers] == ["add_1"]
    assert [each.index for each in (*model.inputs, *model.outputs)] == [1, 2]
    assert [each.type for each in (*model.file_inputs, *model.file_outputs)] == [
        ElementType.FLOAT32,
        ElementType.FLOAT32,
    ]
    assert model.host_operators == (0, 2)
    (given,) = workload_report(model).inputs
    assert (given.type, given.file_type, given.zero_point) == ("int8", "float32", 7)
    is_exact(tmp_path, content)


def test_the_host_and_the_whole_file_say_the_same(tmp_path: Path) -> None:
    """From float32 to float32: quantised by us, run by us, dequantised by us, and by TFLite."""
    content = build(float_edges())
    _, model = load_bytes(content, tmp_path)
    values = np.random.default_rng(1).normal(scale=1.5, size=(1, 9)).astype(np.float32)
    given_bytes = quantise_values(model.inputs[0], values).tobytes()
    program = host_firmware(model, tmp_path / "firmware")
    (answer,) = run_batch(program, model, [given_bytes])
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, values)
    interpreter.invoke()
    elements = np.frombuffer(answer.output, np.int8).reshape(1, 9)
    assert (dequantise_values(model.outputs[0], elements) == interpreter.get_tensor(3)).all()


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    scale=st.floats(2.0**-17, 1024, width=32),
    kind=st.sampled_from([ElementType.INT8, ElementType.UINT8, ElementType.INT16]),
    zero_point=st.integers(0, 127),
    seed=st.integers(0, 2**32 - 1),
)
def test_values_are_quantised_as_tflite_does(
    scale: float, kind: ElementType, zero_point: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    zero_point = 0 if kind is ElementType.INT16 else zero_point
    codes = {ElementType.INT8: 9, ElementType.UINT8: UINT8, ElementType.INT16: INT16}
    target = TensorSpec(
        shape=[400], scales=[scale], zero_points=[zero_point], type_code=codes[kind]
    )
    spec = ModelSpec(
        tensors=[floats(400), target, floats(400)],
        operators=[operator(QUANTIZE, [0], 1), operator(DEQUANTIZE, [1], 2)],
        inputs=[0],
        outputs=[1, 2],
    )
    values = (generator.normal(size=400) * scale * 300).astype(np.float32)
    halves = generator.integers(-300, 300, 200) + 0.5  # ties
    values[:200] = (halves * scale).astype(np.float32)
    values[-2:] = np.array([1e6, -1e6]) * scale
    interpreter = Interpreter(
        model_content=build(spec),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, values)
    interpreter.invoke()
    ours = replace(tensor(1, 400), type=kind, scales=(scale,), zero_point=zero_point)
    elements = quantise_values(ours, values)
    assert (elements == interpreter.get_tensor(1)).all()
    assert (dequantise_values(ours, elements) == interpreter.get_tensor(2)).all()
    # each element stands for a number that is quantised to it again
    if kind is not ElementType.INT16:
        every = np.arange(*((0, 256) if kind is ElementType.UINT8 else (-128, 128)))
        every = every.astype(kind.numpy_name)
        assert (quantise_values(ours, dequantise_values(ours, every)) == every).all()


def test_what_is_beyond_becomes_the_ends() -> None:
    values = np.array([1e30, -1e30, np.inf, -np.inf], np.float32)  # TFLite overflows an int32 here
    assert quantise_values(tensor(1, 4), values).tolist() == [127, -128, 127, -128]


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not a number"):
        quantise_values(tensor(1, 1), np.array([np.nan], np.float32))


@pytest.mark.parametrize("zero_points", [(128, 0), (3, 5)])
def test_uint8_edges_are_operators(tmp_path: Path, zero_points: tuple[int, int]) -> None:
    uint8 = TensorSpec(shape=[1, 9], scales=[0.013], zero_points=[zero_points[0]], type_code=UINT8)
    spec = ModelSpec(
        tensors=[uint8, int8(1, 9, scale=0.013, zero_point=zero_points[1]), int8(1, 9), uint8],
        operators=[
            operator(QUANTIZE, [0], 1),
            operator(ADD, [1, 1], 2),
            operator(QUANTIZE, [2], 3),
        ],
        inputs=[0],
        outputs=[3],
    )
    content = build(spec)
    model = model_from_bytes(content, "net")
    assert [layer.kernel for layer in model.layers] == ["quantize", "add", "quantize"]
    assert model.host_operators == ()
    assert {each.type for each in (*model.inputs, *model.outputs)} == {ElementType.UINT8}
    is_exact(tmp_path, content)
    with pytest.raises(ConfigError, match=r"is uint8, so 128 cannot be taken"):
        host_firmware(model, tmp_path / "pixels", options=FirmwareOptions(inputs="uint8"))


def test_float_in_the_middle_is_refused_with_all_its_operators() -> None:
    spec = ModelSpec(
        tensors=[int8(1, 9), floats(1, 9), floats(1, 9), int8(1, 9), int8(1, 9)],
        operators=[
            operator(DEQUANTIZE, [0], 1),
            operator(SOFTMAX, [1], 2, Beta=1.0),
            operator(QUANTIZE, [2], 3),
            operator(ADD, [3, 3], 4),
        ],
        inputs=[0],
        outputs=[4],
    )
    with pytest.raises(ConfigError) as caught:
        model_from_bytes(build(spec), "net")
    assert "DEQUANTIZE (operator 0)" in caught.value.what
    assert "FLOAT32 tensors (operator 1)" in caught.value.what
    assert "QUANTIZE (operator 2)" in caught.value.what


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        # read by an operator of floats too
        (
            float_edges(
                operators=[
                    *float_edges().operators,
                    operator(SOFTMAX, [0], 4, Beta=1.0),
                ]
            ),
            "FLOAT32",
        ),
        # quantised twice
        (
            float_edges(
                operators=[
                    operator(QUANTIZE, [0], 1),
                    operator(QUANTIZE, [0], 2),
                    operator(DEQUANTIZE, [2], 3),
                ]
            ),
            "FLOAT32",
        ),
        (float_edges(outputs=[0]), "FLOAT32"),
        (float_edges(operators=[operator(QUANTIZE, [0], 1)], outputs=[1]), "has no operators"),
        (float_edges(outputs=[3, 4]), "has type FLOAT32"),
    ],
)
def test_edges_that_are_none_are_refused(spec: ModelSpec, message: str) -> None:
    with pytest.raises(ConfigError, match="fix:") as caught:
        model_from_bytes(build(spec), "net")
    assert message in caught.value.what


def flattened() -> bytes:
    """What Keras writes for Flatten with an unknown batch: shape, slice, pack, reshape."""
    generator = np.random.default_rng(3)
    weights = TensorSpec(
        shape=[4, 24],
        scales=[0.02],
        zero_points=[0],
        data=generator.integers(-127, 128, 96, dtype=np.int8).tobytes(),
    )
    image = replace(int8(1, 4, 6), signature=[-1, 4, 6])
    tensors = [
        image,  # 0
        TensorSpec(shape=[3], type_code=INT32),  # 1: its shape
        integers([0]),  # 2
        integers([1]),  # 3
        integers([1]),  # 4
        TensorSpec(shape=[], type_code=INT32),  # 5: the batch
        integers(24),  # 6
        TensorSpec(shape=[2], type_code=INT32),  # 7: batch and the rest
        replace(int8(1, 24), signature=[-1, 24]),  # 8
        weights,  # 9
        int8(1, 4, scale=0.4),  # 10
    ]
    operators = [
        operator(SHAPE, [0], 1, OutType=2),
        operator(STRIDED_SLICE, [1, 2, 3, 4], 5, ShrinkAxisMask=1),
        operator(PACK, [5, 6], 7, ValuesCount=2),
        operator(RESHAPE, [0, 7], 8),
        operator(FULLY_CONNECTED, [8, 9], 10),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[10]))


def test_flatten_of_an_unknown_batch_folds(tmp_path: Path) -> None:
    model = model_from_bytes(flattened(), "net")
    assert [layer.name for layer in model.layers] == ["reshape_3", "fully_connected_4"]
    is_exact(tmp_path, flattened())


def test_a_filled_tensor_becomes_a_constant(tmp_path: Path) -> None:
    one = TensorSpec(shape=[], scales=[0.07], zero_points=[-3], data=b"\x05")
    spec = ModelSpec(
        tensors=[int8(1, 9), integers([1, 9]), one, int8(1, 9), int8(1, 9, scale=0.2)],
        operators=[operator(FILL, [1, 2], 3), operator(ADD, [0, 3], 4)],
        inputs=[0],
        outputs=[4],
    )
    model = model_from_bytes(build(spec), "net")
    assert [layer.name for layer in model.layers] == ["add_1"]
    assert model.layers[0].inputs[1].data == b"\x05" * 9
    is_exact(tmp_path, build(spec))


def test_a_float_constant_is_quantised_by_the_import(tmp_path: Path) -> None:
    values = np.linspace(-9, 9, 9).astype("<f4").tobytes()
    constant = replace(floats(1, 9), data=values)
    spec = ModelSpec(
        tensors=[int8(1, 9), constant, int8(1, 9, scale=0.09), int8(1, 9, scale=0.2)],
        operators=[operator(QUANTIZE, [1], 2), operator(ADD, [0, 2], 3)],
        inputs=[0],
        outputs=[3],
    )
    assert len(model_from_bytes(build(spec), "net").layers) == 1
    is_exact(tmp_path, build(spec))


def test_a_shape_that_is_not_as_declared_is_not_folded() -> None:
    spec = ModelSpec(
        tensors=[int8(1, 9), TensorSpec(shape=[3], type_code=INT32), int8(1, 9)],
        operators=[operator(SHAPE, [0], 1, OutType=2), operator(ADD, [0, 0], 2)],
        inputs=[0],
        outputs=[2],
    )
    with pytest.raises(ConfigError, match="SHAPE"):
        model_from_bytes(build(spec), "net")


def lists_of_tensors() -> bytes:
    """Splits, a part that is an output and read on, a join with a constant, a transpose."""
    constant = replace(int8(1, 2, 3), data=bytes(range(6)))
    tensors = [
        int8(1, 4, 9),  # 0
        integers(2),  # 1
        int8(1, 4, 3),  # 2
        int8(1, 4, 3),  # 3
        int8(1, 4, 3),  # 4
        int8(1, 4, 3, scale=0.2),  # 5
        constant,  # 6
        int8(1, 10, 3),  # 7
        integers([2, 0, 1]),  # 8
        int8(3, 1, 10),  # 9
    ]
    operators = [
        operator(SPLIT, [1, 0], 2, 3, 4, NumSplits=3),
        operator(ADD, [2, 4], 5),
        operator(CONCATENATION, [3, 6, 2], 7, Axis=1),
        operator(TRANSPOSE, [7, 8], 9),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[9, 4, 5]))


def test_layers_with_lists_of_tensors_are_exact(tmp_path: Path) -> None:
    is_exact(tmp_path, lists_of_tensors())
    model = model_from_bytes(lists_of_tensors(), "net")
    split = workload_report(model).layers[0]
    assert split.output_shapes == ((1, 4, 3),) * 3
    assert split.bytes_out == 36


def test_a_wrong_second_output_shows_in_the_layers_crc(tmp_path: Path) -> None:
    network, model = load_bytes(lists_of_tensors(), tmp_path)
    inputs = random_inputs(model, count=1, seed=3)
    (expected,) = golden_inferences(network, model, inputs)
    kernel = tmp_path / "kernels"
    kernel.mkdir()
    text = (KERNELS_FOLDER / "split.c.j2").read_text()
    broken = text.replace("i * VIEW_WORDS);", "i * VIEW_WORDS), outputs[1][0] ^= i == 2;")
    assert broken != text
    (kernel / "split.c.j2").write_text(broken)
    program = host_firmware(model, tmp_path / "broken", kernels=KernelSet(folders=(kernel,)))
    (found,) = run_batch(program, model, inputs)
    assert found.layer_crcs[0] != expected.layer_crcs[0]
    assert found.layer_crcs[1] == expected.layer_crcs[1]  # reads the others
