"""How golden inputs are chosen, and that what they are chosen by is true."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from runners.job import Job, Target, Workload
from runners.pipeline import Cache
from runners.stages.all import pipeline_of
from runners.stages.golden import OracleReport, most_telling, read_golden, read_oracle
from sw_templates.layer import Layer
from sw_templates.model import Model
from sw_templates.options import KERNELS_FOLDER
from sw_templates.oracle.candidates import candidate_inputs
from sw_templates.oracle.rounding_faults import HEADER, ROUNDING_FAULTS, RoundingFault
from sw_templates.oracle.variety import VALUES, values_seen
from sw_templates.oracle.visible_faults import faults_of, visible
from sw_templates.reference import Inference, golden_inferences
from tests.firmware.firmware_bench import confident_network, load_bytes, small_network


def chosen(path: Path, folder: Path, *, golden_inputs: int = 2) -> tuple[Path, OracleReport]:
    job = Job(
        design={},
        target=Target(name="", part="", clock_hz=1_000_000),
        workload=Workload(
            model=path,
            model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            golden_inputs=golden_inputs,
        ),
    )
    found = pipeline_of(job, cache=Cache(folder / "cache"), report=lambda _: None).get("golden")
    return found.folder, read_oracle(found.folder)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_bytes(small_network(), tmp_path_factory.mktemp("small"))[1]


@pytest.fixture(scope="module")
def two_chosen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OracleReport]:
    """Two golden inputs of the small network."""
    folder = tmp_path_factory.mktemp("two")
    path, _ = load_bytes(small_network(), folder)
    return chosen(path, folder)


# --- the candidates


@pytest.mark.parametrize("inputs", [1, 2, 3, 16, 17])
def test_a_network_of_any_number_of_inputs_has_candidates(inputs: int, tmp_path: Path) -> None:
    path, model = load_bytes(confident_network(inputs), tmp_path)
    found = candidate_inputs(model, seed=1)
    assert len(found) > 10
    assert len(set(found)) == len(found)
    assert {len(one) for one in found} == {inputs}
    assert candidate_inputs(model, seed=1) == found
    assert candidate_inputs(model, seed=2) != found
    assert len(golden_inferences(path, model, found)) == len(found)


def test_a_network_of_one_input_byte_meets_every_input(tmp_path: Path) -> None:
    _, model = load_bytes(confident_network(1), tmp_path)
    assert sorted(candidate_inputs(model, seed=1)) == [bytes([value]) for value in range(256)]


# --- what is read off the right answers


def mutated(values: NDArray[np.int8], what: str, limits: tuple[int, int]) -> NDArray[np.int8]:
    """Do to an output what the text of a fault says."""
    words = what.split()
    changed = values.astype(np.int16)
    if what.startswith("channels"):
        one, other = int(words[1]), int(words[3])
        changed[..., [one, other]] = changed[..., [other, one]]
    elif what.startswith("channel"):
        # before the clamp: a value that stands at a limit may come from far beyond it
        channel = changed[..., int(words[1])]
        inside = (channel > limits[0]) & (channel < limits[1])
        channel[inside] += 1
    else:
        axis, at = int(words[4]), 0 if words[0] == "first" else -1
        edge = [slice(None)] * changed.ndim
        edge[axis] = slice(at, None) if at else slice(0, 1)
        beside = changed.take(1 if at == 0 else -2, axis)
        changed[tuple(edge)] = np.expand_dims(beside, axis)
    return changed.astype(np.int8)


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 127]))
def test_a_fault_is_visible_where_it_changes_a_byte(small: Model, seed: int, spread: int) -> None:
    model = small
    generator = np.random.default_rng(seed)
    layers = tuple(
        tuple(
            np.clip(
                generator.integers(-128, -128 + 2 * spread + 1, tensor.shape or (1,)),
                layer.output_range.minimum,
                layer.output_range.maximum,
            ).astype(np.int8)
            for tensor in layer.outputs
        )
        for layer in model.layers
    )
    shown = visible(model, Inference(layers=layers, output=b""))
    by_name: dict[str, tuple[Layer, NDArray[np.int8]]] = {
        layer.name: (layer, outputs[0]) for layer, outputs in zip(model.layers, layers, strict=True)
    }
    for fault, is_shown in zip(faults_of(model), shown, strict=True):
        layer, right = by_name[fault.layer]
        limits = (layer.output_range.minimum, layer.output_range.maximum)
        assert is_shown == (mutated(right, fault.what, limits) != right).any(), fault


@given(st.data())
def test_the_values_of_an_inference_are_noted_tensor_by_tensor(
    small: Model, data: st.DataObject
) -> None:
    model = small
    tensors = [*model.inputs, *(tensor for layer in model.layers for tensor in layer.outputs)]
    contents = [
        np.resize(np.array(data.draw(st.lists(st.integers(-128, 127), min_size=1))), tensor.shape)
        for tensor in tensors
    ]
    seen = values_seen(
        model,
        b"".join(each.astype(np.int8).tobytes() for each in contents[: len(model.inputs)]),
        Inference(
            layers=tuple((each.astype(np.int8),) for each in contents[len(model.inputs) :]),
            output=b"",
        ),
    ).reshape(-1, VALUES)
    assert len(seen) == len(tensors)
    for flags, content in zip(seen, contents, strict=True):
        assert set(np.flatnonzero(flags)) == {int(value) % 256 for value in content.reshape(-1)}


@pytest.mark.parametrize("slip", ROUNDING_FAULTS, ids=lambda slip: slip.what)
def test_every_slip_of_rounding_can_be_made(slip: RoundingFault) -> None:
    header = (KERNELS_FOLDER / f"{HEADER}.j2").read_text()
    assert slip.applied_to(header) != header
    with pytest.raises(ValueError, match="does not stand"):
        slip.applied_to(header.replace(slip.right, ""))


# --- the choice


@given(st.data())
def test_inputs_that_show_most_together_come_first(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 8))
    table = np.array(
        data.draw(
            st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=rows, max_size=rows)
        )
    )
    order = most_telling(table, np.eye(rows, dtype=np.bool_), rows)
    assert sorted(order) == list(range(rows))
    shown = [int(table[order[: count + 1]].any(axis=0).sum()) for count in range(rows)]
    assert shown[-1] == table.any(axis=0).sum()
    assert shown[0] == table.sum(axis=1).max()


def test_among_equals_the_input_with_most_new_values_comes_first() -> None:
    """A fault may be one of a single value: what shows nothing new may still have new values."""
    shown = np.array([[True], [False], [False], [False]])
    values = np.zeros((4, 6), dtype=np.bool_)
    values[0, :3] = values[1, :3] = True  # many, but none that the first does not have
    values[2, 3] = True
    values[3, 3:5] = True
    assert most_telling(shown, values, 4) == [0, 3, 1, 2]


@pytest.mark.slow
def test_golden_inputs_and_their_worth_are_kept(
    tmp_path: Path, two_chosen: tuple[Path, OracleReport]
) -> None:
    path, model = load_bytes(small_network(), tmp_path)
    folder, report = two_chosen
    golden = read_golden(folder)
    assert len(golden) == report.golden_inputs == 2
    assert golden[0]["input"] != golden[1]["input"]
    assert report.caught + len(report.missed) == report.faults
    assert report.faults > len(faults_of(model)), "wrong roundings are among them"
    assert report.caught > 0.9 * report.faults
    inputs = [bytes.fromhex(one["input"]) for one in golden]
    right = golden_inferences(path, model, inputs)
    assert [tuple(one["layer_crcs"]) for one in golden] == [one.layer_crcs for one in right]


@pytest.mark.slow
def test_more_golden_inputs_show_more(
    tmp_path: Path, two_chosen: tuple[Path, OracleReport]
) -> None:
    path, _ = load_bytes(small_network(), tmp_path)
    _, two = two_chosen
    assert any(fault.another_input for fault in two.missed)
    assert two.inputs_for_all is not None
    _, all_of_them = chosen(path, tmp_path, golden_inputs=two.inputs_for_all)
    assert not any(fault.another_input for fault in all_of_them.missed)
    assert all_of_them.caught > two.caught


@pytest.mark.slow
def test_a_classifier_that_is_always_sure_says_what_it_hides(tmp_path: Path) -> None:
    path, model = load_bytes(confident_network(), tmp_path)
    answers = golden_inferences(path, model, candidate_inputs(model, seed=1))
    assert len({answer.output for answer in answers}) == 1, "its output tells nothing"
    _, report = chosen(path, tmp_path)
    assert {fault.layer for fault in report.missed} >= {"softmax_2"}
    for number in range(4):  # but the layers before it are seen
        missed = {fault.what for fault in report.missed if fault.layer == "fully_connected_0"}
        assert f"channel {number} off by one" not in missed
