"""The arena: nothing that lives at the same time shares a byte."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sw_templates.layer import Layer
from sw_templates.memory_plan import ALIGNMENT_BYTES, STAGGER_BYTES, MemoryPlan, plan_memory
from sw_templates.model import Model
from sw_templates.operator_set import find_operators
from sw_templates.operators.add import Add
from sw_templates.operators.reshape import Reshape
from sw_templates.tensor import ActivationRange, ElementType, Tensor
from sw_templates.tflite_import import load_model, model_from_bytes
from sw_templates.workload import workload_report
from tests.firmware.firmware_bench import IMGC, small_network


def tensor(index: int, size: int) -> Tensor:
    return Tensor(
        index=index,
        name=f"t{index}",
        shape=(size,),
        type=ElementType.INT8,
        scales=(0.1,),
        zero_point=0,
        data=None,
    )


def random_graph(seed: int, layers: int) -> Model:
    """A chain with skips: each layer adds two earlier tensors or reshapes one."""
    source = random.Random(seed)
    tensors = [tensor(0, source.randint(1, 400))]
    steps: list[Layer] = []
    for index in range(layers):
        read = source.choice(tensors)
        if source.random() < 0.3:
            output = tensor(index + 1, read.elements)
            steps.append(Reshape(index=index, inputs=(read,), outputs=(output,)))
        else:
            output = tensor(index + 1, source.randint(1, 400))
            steps.append(
                Add(
                    index=index,
                    inputs=(read, source.choice(tensors)),
                    outputs=(output,),
                    activation=ActivationRange(minimum=-128, maximum=127),
                )
            )
        tensors.append(output)
    return Model(
        name="graph",
        layers=tuple(steps),
        inputs=(tensors[0],),
        outputs=(tensors[-1],),
        file_inputs=(tensors[0],),
        file_outputs=(tensors[-1],),
        operators=find_operators(),
    )


def check(model: Model, plan: MemoryPlan) -> None:
    for one, other in combinations(plan.buffers, 2):
        assert not one.overlaps(other), (one, other)
    for buffer in plan.buffers:
        assert buffer.offset % ALIGNMENT_BYTES == 0
        assert buffer.offset + buffer.size_bytes <= plan.peak_bytes
        assert buffer.first <= buffer.last
    alive = {t: b for b in plan.buffers for t in b.tensors}
    for position, layer in enumerate(model.layers):
        for used in (*layer.inputs, *layer.outputs):
            if used.data is None and used.index not in plan.input_offsets:
                assert alive[used.index].first <= position <= alive[used.index].last
                assert alive[used.index].size_bytes >= used.size_bytes
    for output in model.outputs:
        if output.index not in plan.input_offsets:
            assert alive[output.index].last == len(model.layers)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), layers=st.integers(1, 14))
def test_no_two_live_buffers_overlap(seed: int, layers: int) -> None:
    model = random_graph(seed, layers)
    check(model, plan_memory(model, row_align_bytes=4, scratch_rows=4))


@pytest.mark.parametrize(("row_align_bytes", "scratch_rows"), [(4, 1), (16, 4), (64, 9)])
def test_scratch_memory_is_planned_too(row_align_bytes: int, scratch_rows: int) -> None:
    model = model_from_bytes(small_network(), "net")
    plan = plan_memory(model, row_align_bytes=row_align_bytes, scratch_rows=scratch_rows)
    check(model, plan)
    assert plan.scratch_bytes[0] == -(-27 // row_align_bytes) * row_align_bytes * scratch_rows
    assert plan.scratch_offsets.keys() == {0, 1, 3, 5}


def test_the_model_input_keeps_its_own_memory() -> None:
    model = model_from_bytes(small_network(), "net")
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4)
    assert plan.input_offsets == {model.inputs[0].index: 0}
    assert model.inputs[0].index not in plan.offsets


def test_a_reshape_costs_no_memory() -> None:
    model = model_from_bytes(small_network(), "net")
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4)
    reshape = next(layer for layer in model.layers if isinstance(layer, Reshape))
    assert plan.offsets[reshape.input.index] == plan.offsets[reshape.output.index]


def test_the_classifier_needs_three_feature_maps_at_its_peak() -> None:
    if not IMGC.exists():
        pytest.skip("the model is not beside this checkout")
    model = load_model(IMGC)
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4)
    check(model, plan)
    assert 3 * 16384 + 4 * 144 <= plan.peak_bytes < 3 * 16384 + 4 * 144 + 4 * STAGGER_BYTES


def test_the_report_shows_layers_and_buffers() -> None:
    model = model_from_bytes(small_network(), "net")
    report = workload_report(model)
    assert report.macs == model.macs == sum(layer.macs for layer in report.layers)
    assert report.layers[0].output_shapes == ((1, 4, 4, 5),)
    assert report.layers[0].weight_bytes == 5 * 27 + 5 * 4
    assert [b.name for b in report.buffers if b.first == 0] == [
        "output of conv2d_0",
        "scratch of conv2d_0",
    ]
    assert report.peak_bytes == max(
        -(-(b.offset + b.size_bytes) // 16) * 16 for b in report.buffers
    )
