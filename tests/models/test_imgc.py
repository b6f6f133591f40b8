"""The committed network: what it is, that the card tells the truth, and how it was trained."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tflite

from models.imgc import card
from models.imgc.data import CLASSES, DEFAULT_DATA, DataMissing, read_samples, read_split
from models.imgc.evaluate import ModelInvalid, classify, measure
from models.imgc.layers import CONVOLUTIONS, MACS, WEIGHT_NAMES
from models.imgc.precision import LayerBits, Precision, PrecisionInvalid, parse_precision

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "imgc"
MODEL = FOLDER / "imgc_resnet8_int8.tflite"
REFERENCE = DEFAULT_DATA / "imgc" / "pretrainedResnet_quant.tflite"
STAGE = ["CONV_2D", "CONV_2D", "CONV_2D", "ADD"]
OPERATORS = [*STAGE * 3, "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"]

needs_reference = pytest.mark.skipif(
    not REFERENCE.exists(), reason=f"no reference model: {REFERENCE} is not there"
)
needs_cifar10 = pytest.mark.skipif(
    not (DEFAULT_DATA / "cifar10" / "test.zip").exists(),
    reason=f"no CIFAR-10 test split: {DEFAULT_DATA}/cifar10/test.zip is not there",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operator as the file states it."""

    kind: str
    shapes: tuple[tuple[int, ...], ...]
    types: tuple[int, ...]
    scale_counts: tuple[int, ...]
    options: tuple[int, ...]

    @property
    def macs(self) -> int:
        if self.kind not in ("CONV_2D", "FULLY_CONNECTED"):
            return 0
        weights, output = self.shapes[1], self.shapes[-1]
        return int(np.prod(weights)) * int(np.prod(output[1:-1]))


def layers_of(content: bytes) -> Iterator[Layer]:
    """The operators of a TFLite file in their order."""
    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    names = {v: n for n, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        kind = names[model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]
        inputs = [operator.Inputs(i) for i in range(operator.InputsLength())]
        tensors = [graph.Tensors(i) for i in (*inputs, operator.Outputs(0))]
        table = operator.BuiltinOptions()
        options: tuple[int, ...] = ()
        if kind == "CONV_2D":
            conv = tflite.Conv2DOptions()
            conv.Init(table.Bytes, table.Pos)
            options = (
                conv.Padding(),
                conv.StrideH(),
                conv.StrideW(),
                conv.DilationHFactor(),
                conv.DilationWFactor(),
                conv.FusedActivationFunction(),
            )
        elif kind == "ADD":
            add = tflite.AddOptions()
            add.Init(table.Bytes, table.Pos)
            options = (add.FusedActivationFunction(),)
        elif kind == "AVERAGE_POOL_2D":
            pool = tflite.Pool2DOptions()
            pool.Init(table.Bytes, table.Pos)
            options = (pool.FilterHeight(), pool.FilterWidth(), pool.StrideH(), pool.StrideW())
        elif kind == "FULLY_CONNECTED":
            dense = tflite.FullyConnectedOptions()
            dense.Init(table.Bytes, table.Pos)
            options = (dense.FusedActivationFunction(),)
        quantisation = [tensor.Quantization() for tensor in tensors]
        yield Layer(
            kind=kind,
            shapes=tuple(tuple(int(n) for n in tensor.ShapeAsNumpy()) for tensor in tensors),
            types=tuple(tensor.Type() for tensor in tensors),
            scale_counts=tuple(q.ScaleLength() if q else 0 for q in quantisation),
            options=options,
        )


@pytest.fixture(scope="module")
def layers() -> list[Layer]:
    return list(layers_of(MODEL.read_bytes()))


@pytest.fixture(scope="module")
def metrics() -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, object]] = json.loads((FOLDER / "metrics.json").read_text())
    return loaded


def test_it_has_the_operators_of_the_reference_in_their_order(layers: list[Layer]) -> None:
    assert [layer.kind for layer in layers] == OPERATORS


def test_it_computes_12501632_products(layers: list[Layer]) -> None:
    assert sum(layer.macs for layer in layers) == MACS == 12_501_632


def test_its_convolutions_have_the_shapes_that_training_names(layers: list[Layer]) -> None:
    weights = [layer.shapes[1] for layer in layers if layer.kind == "CONV_2D"]
    assert weights == [(c.outputs, c.kernel, c.kernel, c.inputs) for c in CONVOLUTIONS]
    macs = [layer.macs for layer in layers if layer.kind == "CONV_2D"]
    assert macs == [c.macs for c in CONVOLUTIONS]


def test_every_tensor_is_int8_or_an_int32_bias_or_shape(layers: list[Layer]) -> None:
    int8, int32 = tflite.TensorType.INT8, tflite.TensorType.INT32
    for layer in layers:
        if layer.kind in ("CONV_2D", "FULLY_CONNECTED"):
            assert layer.types == (int8, int8, int32, int8)
        elif layer.kind == "RESHAPE":
            assert layer.types == (int8, int32, int8)
        else:
            assert set(layer.types) == {int8}


def test_each_output_channel_of_a_convolution_has_its_own_scale(layers: list[Layer]) -> None:
    for layer in layers:
        if layer.kind == "CONV_2D":
            channels = layer.shapes[1][0]
            assert layer.scale_counts == (1, channels, channels, 1)
        elif layer.kind == "FULLY_CONNECTED":
            assert layer.scale_counts == (1, 1, 1, 1)


def test_the_input_is_the_pixel_value_minus_128_and_the_output_a_probability() -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(MODEL))
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert (source["dtype"], source["quantization"]) == (np.int8, (1.0, -128))
    assert list(source["shape"]) == [1, 32, 32, 3]
    assert (sink["dtype"], sink["quantization"]) == (np.int8, (1 / 256, -128))
    assert list(sink["shape"]) == [1, 10]


@needs_reference
def test_it_is_the_reference_network_layer_by_layer(layers: list[Layer]) -> None:
    assert layers == list(layers_of(REFERENCE.read_bytes()))


def test_file_card_metrics_and_checksum_agree(metrics: dict[str, dict[str, object]]) -> None:
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert metrics["int8"]["sha256"] == digest
    assert f"{digest}  {MODEL.name}\n" == (FOLDER / "SHA256SUMS").read_text()
    assert digest in (FOLDER / "README.md").read_text()


def test_the_card_is_what_its_command_writes() -> None:
    loaded = card.load(FOLDER / "metrics.json")
    readme = (FOLDER / "README.md").read_text()
    assert card.with_figures(readme, loaded) == readme
    assert card.confusion_svg(loaded["int8"]) == (FOLDER / "confusion.svg").read_text()


def test_recorded_accuracy_is_that_of_the_whole_test_split(
    metrics: dict[str, dict[str, object]],
) -> None:
    int8 = metrics["int8"]
    confusion = np.array(int8["confusion"])
    assert (int8["split"], int8["images"]) == ("test", 10_000)
    assert confusion.sum(axis=1).tolist() == [1_000] * 10
    assert np.trace(confusion) == int8["correct"]
    assert int8["top1"] == pytest.approx(np.trace(confusion) / 10_000)


def test_recorded_accuracy_is_at_least_86_percent(metrics: dict[str, dict[str, object]]) -> None:
    assert metrics["int8"]["top1"] >= 0.86  # type: ignore[operator]


@pytest.mark.slow
@needs_cifar10
def test_reference_kernels_reach_the_recorded_accuracy(
    metrics: dict[str, dict[str, object]],
) -> None:
    accuracy = measure(MODEL, read_split(DEFAULT_DATA, "test"), split="test")
    assert accuracy.confusion == metrics["int8"]["confusion"]


@needs_reference
def test_uncompressed_samples_are_classified_as_recorded(
    metrics: dict[str, dict[str, object]],
) -> None:
    accuracy = measure(MODEL, read_samples(DEFAULT_DATA), split="samples")
    assert accuracy.images == 200
    assert accuracy.confusion == metrics["int8_samples"]["confusion"]


def test_evaluation_loads_no_training_library() -> None:
    check = "import sys, models.imgc.evaluate; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, timeout=60)


def test_result_does_not_depend_on_the_batch() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (53, 32, 32, 3), np.uint8)
    together, dtype = classify(MODEL.read_bytes(), pixels)
    alone = [int(classify(MODEL.read_bytes(), image[None])[0][0]) for image in pixels[-5:]]
    assert dtype == "int8"
    assert together[-5:].tolist() == alone


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelInvalid, match="not a TFLite file"):
        classify(b"nothing of the kind", np.zeros((1, 32, 32, 3), np.uint8))


def test_missing_data_names_the_option_that_helps(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="--data"):
        read_split(tmp_path, "test")


def test_classes_are_in_the_order_of_the_reference() -> None:
    assert CLASSES[1] == "automobile"
    assert list(CLASSES) == sorted(CLASSES)


def test_layers_that_a_file_of_bit_widths_leaves_out_have_8() -> None:
    precision = parse_precision('{"stage2_a": {"weights": 4}}')
    assert precision.of("stage2_a") == LayerBits(weights=4, activations=8)
    assert all(precision.of(n) == LayerBits() for n in WEIGHT_NAMES if n != "stage2_a")
    assert Precision().of("dense") == LayerBits(weights=8, activations=8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"stage9": {"weights": 4}}', "no layer 'stage9'"),
        ('{"stem": {"weights": 1}}', "1 bits for weights\n  fix: use 2 to 8"),
        ('{"stem": {"activations": 9}}', "9 bits for activations"),
        ('{"stage1_add": {"weights": 4}}', "stage1_add has no weights"),
        ('{"stem": {"width": 4}}', "not a file of bit widths"),
        ("[]", "not a file of bit widths"),
        ("{", "not a file of bit widths"),
    ],
)
def test_impossible_bit_widths_are_refused(text: str, message: str) -> None:
    with pytest.raises(PrecisionInvalid) as refused:
        parse_precision(text)
    assert message in str(refused.value)
