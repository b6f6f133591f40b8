"""The arena: nothing that lives at the same time shares a byte."""

import random
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sw_templates.layer import Layer
from sw_templates.memory_plan import (
    ALIGNMENT_BYTES,
    STAGGER_BYTES,
    Buffer,
    MemoryPlan,
    plan_memory,
)
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
    return model_of(steps, [tensors[0]], [tensors[-1]])


def uses_of(model: Model, plan: MemoryPlan) -> list[tuple[int, int, int, int, object]]:
    """Return who needs which bytes when, from the network alone and the offsets of the plan.

    Each is offset, bytes, first and last position, and whose content it is: two tensors of one
    content may share their bytes.
    """
    content: dict[int, object] = {tensor.index: tensor.index for tensor in model.inputs}
    first: dict[int, int] = {t.index: -1 for t in model.inputs}
    last: dict[int, int] = dict(first)
    size = {tensor.index: tensor.size_bytes for tensor in model.inputs}
    for position, layer in enumerate(model.layers):
        for tensor in layer.inputs:
            if tensor.data is None:
                last[tensor.index] = position
        for output in layer.outputs:
            alike = layer.aliases_input and layer.input.data is None
            content[output.index] = content[layer.input.index] if alike else output.index
            first[output.index] = last[output.index] = position
            size[output.index] = output.size_bytes
    for output in model.outputs:
        last[output.index] = len(model.layers)
    found: list[tuple[int, int, int, int, object]] = [
        (plan.offsets[index], size[index], first[index], last[index], content[index])
        for index in first
        if index not in plan.input_offsets
    ]
    for position, offset in plan.scratch_offsets.items():
        found.append((offset, plan.scratch_bytes[position], position, position, None))
    if plan.gathered_offset is not None:
        end = len(model.layers)
        found.append((plan.gathered_offset, model.output_bytes, end, end, None))
    return found


def check(model: Model, plan: MemoryPlan) -> None:
    """At no moment has a byte two owners, and neighbours keep their distance."""
    uses = uses_of(model, plan)
    for offset, size_bytes, *_ in uses:
        assert offset % ALIGNMENT_BYTES == 0
        assert offset + size_bytes <= plan.peak_bytes
    for one_use, other_use in combinations(uses, 2):
        offset, size_bytes, first, last, content = one_use
        other_offset, other_bytes, other_first, other_last, other_content = other_use
        if content is not None and content == other_content:
            assert offset == other_offset
        elif not set(range(first, last + 1)).isdisjoint(range(other_first, other_last + 1)):
            mine = range(offset, offset + size_bytes)
            theirs = range(other_offset, other_offset + other_bytes)
            assert mine.stop <= theirs.start or theirs.stop <= mine.start, (one_use, other_use)
    ends = [offset + size_bytes for offset, size_bytes, *_ in uses]
    assert plan.peak_bytes == max((-(-end // 16) * 16 for end in ends), default=0)
    assert plan.scratch_offsets.keys() == {at for at, each in enumerate(plan.scratch_bytes) if each}
    for one, other in combinations(plan.buffers, 2):
        if one.first <= other.last and other.first <= one.last:
            low, high = sorted((one, other), key=lambda buffer: buffer.offset)
            gap = high.offset - (low.offset + low.size_bytes)
            assert gap >= STAGGER_BYTES, "else they would share lines of a cache"
    assert list(plan.buffers) == sorted(
        plan.buffers, key=lambda b: (b.first, b.layer is not None, b.offset)
    )
    alive = {t: b for b in plan.buffers for t in b.tensors}
    for position, layer in enumerate(model.layers):
        for used in (*layer.inputs, *layer.outputs):
            if used.data is None and used.index not in plan.input_offsets:
                assert alive[used.index].first <= position <= alive[used.index].last
                assert alive[used.index].size_bytes >= used.size_bytes
                assert alive[used.index].offset == plan.offsets[used.index]
    for output in model.outputs:
        if output.index not in plan.input_offsets:
            assert alive[output.index].last == len(model.layers)


def buffer(first: int, last: int, offset: int, size_bytes: int) -> Buffer:
    return Buffer(
        tensors=(), layer=None, size_bytes=size_bytes, first=first, last=last, offset=offset
    )


def test_buffers_overlap_in_time_and_place_by_a_single_layer_and_byte() -> None:
    one = buffer(2, 4, 32, 16)
    for other, overlaps in (
        (buffer(4, 6, 47, 8), True),
        (buffer(5, 6, 32, 16), False),
        (buffer(0, 2, 31, 2), True),
        (buffer(0, 1, 32, 16), False),
        (buffer(3, 3, 48, 16), False),
        (buffer(3, 3, 16, 16), False),
        (buffer(0, 9, 0, 99), True),
    ):
        assert one.overlaps(other) == other.overlaps(one) == overlaps


def add(index: int, left: Tensor, right: Tensor, output: Tensor) -> Add:
    return Add(
        index=index,
        inputs=(left, right),
        outputs=(output,),
        activation=ActivationRange(minimum=-128, maximum=127),
    )


def model_of(layers: Sequence[Layer], inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Model:
    return Model(
        name="graph",
        layers=tuple(layers),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        file_inputs=tuple(inputs),
        file_outputs=tuple(outputs),
        input_steps=tuple(() for _ in inputs),
        output_steps=tuple(() for _ in outputs),
        operators=find_operators(),
    )


def test_the_largest_lies_lowest_and_what_is_read_together_keeps_its_distance() -> None:
    sizes = (64, 128, 200, 64, 40)
    given, *rest = (tensor(number, size) for number, size in enumerate(sizes))
    layers = [
        add(0, given, given, rest[0]),
        add(1, rest[0], given, rest[1]),
        add(2, rest[1], rest[0], rest[2]),
        add(3, rest[2], rest[2], rest[3]),
    ]
    model = model_of(layers, [given], [rest[3]])
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4)
    check(model, plan)
    assert plan.offsets == {2: 0, 1: 208 + 96, 3: 304 + 128 + 96, 4: 0}
    assert plan.peak_bytes == 528 + 64
    (found,) = (b for b in plan.buffers if b.tensors == (1,))
    assert (found.first, found.last, found.size_bytes, found.layer) == (0, 2, 128, None)


def test_a_gap_is_used_where_it_leaves_the_distance_on_both_sides() -> None:
    given, first, gap, above, middle, last = (
        tensor(number, size) for number, size in enumerate((8, 1000, 800, 800, 800, 8))
    )
    layers = [
        add(0, given, given, first),
        add(1, given, given, gap),
        add(2, gap, given, above),  # gap is free from here on
        add(3, above, first, middle),
        add(4, middle, above, last),
    ]
    model = model_of(layers, [given], [last])
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4)
    check(model, plan)
    at = 1008 + STAGGER_BYTES
    assert [plan.offsets[n] for n in (1, 2, 3, 4)] == [0, at, at + 800 + STAGGER_BYTES, at]


def test_several_outputs_are_gathered_and_a_crooked_input_is_copied() -> None:
    left, right = tensor(0, 20), tensor(1, 24)
    one, other = tensor(2, 20), tensor(3, 24)
    model = model_of(
        [add(0, left, left, one), add(1, right, right, other)], [left, right], [one, other]
    )
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4)
    check(model, plan)
    assert plan.input_offsets == {0: 0}
    assert plan.copied_inputs == (1,), "it would begin at byte 20"
    assert plan.gathered_offset is not None
    (copied,) = (b for b in plan.buffers if b.tensors == (1,))
    assert (copied.first, copied.last) == (-1, 1)
    straight = model_of([add(0, tensor(0, 32), right, one)], [tensor(0, 32), right], [one])
    plan = plan_memory(straight, row_align_bytes=4, scratch_rows=4)
    assert (plan.input_offsets, plan.copied_inputs) == ({0: 0, 1: 32}, ())
    assert plan.gathered_offset is None


def test_layers_that_no_kernel_runs_need_no_scratch_memory() -> None:
    model = model_from_bytes(small_network(), "net")
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=4, without_scratch=(0, 3))
    check(model, plan)
    assert plan.scratch_offsets.keys() == {1, 5}
    assert (plan.scratch_bytes[0], plan.scratch_bytes[3]) == (0, 0)


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
