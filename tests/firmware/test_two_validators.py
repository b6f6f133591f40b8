"""The import and TFLite's reference interpreter give one answer to "is it supported?".

What the import accepts, the reference runs, with the same bytes in every layer, or refuses for a
reason that is none of quantisation; what the reference runs and the import refuses has a reason
that is listed here.
"""

import random
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

from contracts.faults import ConfigError
from runners.reference import reference_refusals, require_reference
from sw_templates.graph.tflite_normal import normalised
from sw_templates.reference import golden_inferences
from sw_templates.tflite_import import load_model, model_from_bytes
from tests.firmware.firmware_bench import KernelLibrary, small_network
from tests.firmware.tflite_builder import (
    FULLY_CONNECTED,
    INT32,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)
from tests.firmware.varied_files import changed, loaded, packed, variations

SMALL = small_network()

REFERENCE_ALONE = (
    r"version '-?\d+'",  # what a version means, the runtime alone knows
    r"num_input_elements != num_output_elements",  # RESHAPE's constant shape, which firmware skips
    r"output shape contains negative",
    r"required_bytes <= bytes",
    r"is a variable tensor with buffer",
    r"was optional but was expected",
    r"NumDimensions\(bias\) != 1",
    r"crashed on .*SIG(SEGV|ABRT)",
)
"""Why the reference may refuse what the import accepts: nothing of it is quantisation."""

IMPORT_ALONE = (
    r"has a scale that is not a finite number of 0 or more",
    r"cannot be quantised",
    r"has the zero point -?\d+, (outside u?int\d+|a bias needs 0|needs 0)",
    r"is quantised (per channel with a zero point|by blocks or along several|along dimension)",
    r"must have the scale and zero point of the input",
    r"needs one scale, has \d+",
    r"\d+ (zero points|scales) (for|along)",
    r"is sparse or a variable",
    r"dynamic(-| )shape",
    r"has type \w+( \d+)?, needs \w+",
    r"\d+ FLOAT\d+ tensors?",
    r"holds \d+ bytes, needs \d+",
    r"has the shape \(.*\)",
    r"broadcasting is not supported",
    r"does not lead from",
    r"has no \w+Options",
    r"has \d+ (inputs|outputs)",
    r"further subgraph",
    r"lies outside the flatbuffer",
    r"has the scale 0, at which",
)
"""Why the import may refuse what the reference accepts."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("kernels"), 4)


def compare(
    contents: dict[str, bytes], folder: Path, library: KernelLibrary
) -> tuple[int, list[str]]:
    """Return how many files both accept, and what contradicts the promise above."""
    paths = []
    for number, content in enumerate(contents.values()):
        path = folder / f"{number}.tflite"
        path.write_bytes(content)
        paths.append(path)
    accepted, contradictions = 0, []
    for name, path, refusal in zip(contents, paths, reference_refusals(paths), strict=True):
        try:
            model = load_model(path)
        except ConfigError as error:
            if refusal is None and not is_one_of(error.what, IMPORT_ALONE):
                contradictions.append(f"{name}: the import alone says {error.what}")
            continue
        if refusal is not None:
            if not is_one_of(refusal, REFERENCE_ALONE):
                contradictions.append(f"{name}: the reference alone says {refusal}")
            continue
        accepted += 1
        given = np.random.default_rng(1).integers(-128, 128, model.input_bytes, np.int8)
        (expected,) = golden_inferences(path, model, [given.tobytes()])
        found = library.run_model(model, given.tobytes())
        if tuple(map(zlib.crc32, found)) != expected.layer_crcs:
            contradictions.append(f"{name}: the kernels differ from the reference")
    return accepted, contradictions


def is_one_of(text: str, patterns: Sequence[str]) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)


@pytest.mark.slow
def test_every_field_of_the_metadata_has_one_answer(tmp_path: Path, library: KernelLibrary) -> None:
    contents = {name: changed(SMALL, change) for name, change in variations(SMALL)}
    accepted, contradictions = compare(contents, tmp_path, library)
    assert contradictions == []
    assert accepted > len(contents) // 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_two_fields_at_once_have_one_answer(
    tmp_path: Path, library: KernelLibrary, seed: int
) -> None:
    chance = random.Random(seed)
    singles = list(variations(SMALL))
    contents = {}
    while len(contents) < 300:
        (first, change), (second, other) = chance.sample(singles, 2)
        model = loaded(SMALL)
        try:
            change(model)
            other(model)
            contents[f"{first}, {second}"] = packed(model)
        except (AttributeError, TypeError, IndexError):
            continue  # the one took away what the other changes
    _, contradictions = compare(contents, tmp_path, library)
    assert contradictions == []


@pytest.mark.slow
def test_files_of_old_converters_and_zero_scales_are_accepted(
    tmp_path: Path, library: KernelLibrary
) -> None:
    wanted = {
        "tensor 2: dimension 3",  # a bias: person_detect has it
        "tensor 0: dimension 99",
        "tensor 2: not quantised",
        "tensor 1: no zero points",
        "tensor 1: first zero point",
        "tensor 0: scales 0.0",
        "tensor 1: a scale 0.0",
        "tensor 4: scales 0.0",
        "tensor 10: a scale 0.0",
        "tensor 1: unknown sizes",
        "tensor 0: a name that is no text",
        "operator 0: no deprecated code",
        "metadata",
        "signatures",
    }
    contents = {
        name: changed(SMALL, change) for name, change in variations(SMALL) if name in wanted
    }
    assert set(contents) == wanted
    accepted, contradictions = compare(contents, tmp_path, library)
    assert (accepted, contradictions) == (len(wanted), [])


def one_scale_network(bias: TensorSpec) -> bytes:
    """A FULLY_CONNECTED with one scale for its weights, for which TFLite looks at the bias'."""
    return build(
        ModelSpec(
            tensors=[
                TensorSpec(shape=[1, 4], scales=[1.0], zero_points=[0]),
                TensorSpec(shape=[3, 4], scales=[1.0], zero_points=[0], data=bytes(range(12))),
                bias,
                TensorSpec(shape=[1, 3], scales=[2.0], zero_points=[0]),
            ],
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
    )


def test_a_bias_without_a_scale_has_that_of_its_products(
    tmp_path: Path, library: KernelLibrary
) -> None:
    unscaled = TensorSpec(shape=[3], type_code=INT32, data=bytes(12))
    contents = {"missing": one_scale_network(unscaled)}
    assert compare(contents, tmp_path, library) == (1, [])


def test_a_bias_of_another_scale_is_refused_by_name(tmp_path: Path) -> None:
    wrong = TensorSpec(
        shape=[3], type_code=INT32, data=bytes(12), scales=[0.5], zero_points=[0], name="bias"
    )
    path = tmp_path / "net.tflite"
    path.write_bytes(one_scale_network(wrong))
    load_model(path)
    with pytest.raises(ConfigError, match=r"refuse .*net\.tflite: .*scale_diff"):
        require_reference(path)


def test_a_normalised_file_is_the_same_network() -> None:
    def forget_names(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.name = None

    again = model_from_bytes(normalised(SMALL, "net"), "net")
    assert again.layers == model_from_bytes(changed(SMALL, forget_names), "net").layers


@pytest.mark.parametrize("slot", [6, 12], ids=["operator codes", "buffers"])
def test_a_number_of_parts_is_not_believed(slot: int) -> None:
    """The import reads the parts that are used; two billion more cost hours or all memory."""
    table = tflite.Model.GetRootAs(SMALL, 0)._tab
    content = bytearray(SMALL)
    struct.pack_into("<I", content, table.Vector(table.Offset(slot)) - 4, 0x7FFFFFFF)
    model_from_bytes(bytes(content), "net")
    assert normalised(bytes(content), "net") == normalised(SMALL, "net")


def test_a_file_that_crashes_the_reference_has_an_error_and_the_next_its_answer(
    tmp_path: Path,
) -> None:
    # RESHAPE without its constant follows a null pointer
    crashing = dict(variations(SMALL))["operator 4: an input left out"]
    contents = [SMALL, changed(SMALL, crashing), SMALL]
    paths = [tmp_path / f"{number}.tflite" for number in range(3)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    first, crash, last = reference_refusals(paths)
    assert first is None
    assert last is None
    assert crash is not None
    assert re.search(r"reference interpreter crashed on .*1\.tflite \(SIG[A-Z]+\)", crash)
