"""Hypothesis strategies for networks of one operator: movers, QUANTIZE, SVDF, BATCH_MATMUL."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tests.firmware.random_layers import random_bytes, scales
from tests.firmware.tflite_builder import (
    BATCH_MATMUL,
    CONCATENATION,
    EXPAND_DIMS,
    GATHER,
    INT8,
    INT16,
    INT32,
    PACK,
    QUANTIZE,
    RELU,
    SLICE,
    SPLIT,
    SPLIT_V,
    SQUEEZE,
    STRIDED_SLICE,
    SVDF,
    TRANSPOSE,
    UINT8,
    UNPACK,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
)

SIZES = st.integers(1, 7)
LIMITS = {INT8: (-128, 127), UINT8: (0, 255), INT16: (0, 0)}


def shapes(least: int = 1, most: int = 4) -> st.SearchStrategy[list[int]]:
    return st.lists(SIZES, min_size=least, max_size=most)


@st.composite
def kinds(draw: st.DrawFn, *codes: int) -> TensorSpec:
    """A tensor of one element, to be given a shape."""
    code = draw(st.sampled_from(codes or (INT8, INT8, INT16)))
    zero_point = draw(st.integers(*LIMITS[code]))
    return TensorSpec(shape=[1], scales=[draw(scales())], zero_points=[zero_point], type_code=code)


def shaped(kind: TensorSpec, shape: Sequence[int]) -> TensorSpec:
    return replace(kind, shape=list(shape))


def integers(values: Sequence[int] | int) -> TensorSpec:
    array = np.array(values, "<i4")
    return TensorSpec(shape=array.shape, type_code=INT32, data=array.tobytes())


def network(
    code: int,
    given: Sequence[TensorSpec],
    results: Sequence[TensorSpec],
    constants: Sequence[TensorSpec] = (),
    *,
    is_last: bool = True,
    **options: float,
) -> ModelSpec:
    """A model of one operator; its constants come behind the other inputs, or before them."""
    inputs = list(range(len(given)))
    known = [len(given) + i for i in range(len(constants))]
    outputs = [len(given) + len(constants) + i for i in range(len(results))]
    order = [*inputs, *known] if is_last else [*known, *inputs]
    return ModelSpec(
        tensors=[*given, *constants, *results],
        operators=[OperatorSpec(code=code, inputs=order, outputs=outputs, options=options)],
        inputs=inputs,
        outputs=outputs,
    )


@st.composite
def quantize_models(draw: st.DrawFn) -> ModelSpec:
    source = draw(kinds(INT8, UINT8, INT16))
    target = draw(kinds(INT8, INT16) if source.type_code == INT16 else kinds(INT8, UINT8, INT16))
    match draw(st.sampled_from(["any", "far", "equal", "flipped"])):
        case "far":
            scale = float(np.float32(source.scales[0] * draw(st.floats(1e-4, 1e4))))
            target = replace(target, scales=[scale])
        case "equal" | "flipped" as how:
            moved = (target.type_code == UINT8) - (source.type_code == UINT8)
            zero_point = source.zero_points[0] + (128 * moved if how == "flipped" else 0)
            low, high = LIMITS[target.type_code]
            target = replace(
                target, scales=source.scales, zero_points=[min(max(zero_point, low), high)]
            )
        case _:
            pass
    shape = draw(shapes())
    return network(QUANTIZE, [shaped(source, shape)], [shaped(target, shape)])


@st.composite
def transpose_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes(1, 6))
    order = draw(st.permutations(range(len(shape))))
    result = shaped(kind, [shape[axis] for axis in order])
    return network(TRANSPOSE, [shaped(kind, shape)], [result], [integers(order)])


@st.composite
def slice_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes())
    begin = [draw(st.integers(0, size - 1)) for size in shape]
    sizes = [draw(st.integers(1, size - at)) for size, at in zip(shape, begin, strict=True)]
    written = [
        -1 if at + taken == size and draw(st.booleans()) else taken
        for size, at, taken in zip(shape, begin, sizes, strict=True)
    ]
    constants = [integers(begin), integers(written)]
    return network(SLICE, [shaped(kind, shape)], [shaped(kind, sizes)], constants)


@st.composite
def strided_slice_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes())
    begin, end, stride = [], [], []
    index: list[slice | int] = []
    masks = {"BeginMask": 0, "EndMask": 0, "ShrinkAxisMask": 0}
    for position, size in enumerate(shape[: draw(st.integers(1, len(shape)))]):
        bit = 1 << position
        bounds = st.integers(-size - 2, size + 2)
        first, behind, step = draw(bounds), draw(bounds), draw(st.sampled_from([1, 2, 3, -1, -2]))
        how = draw(st.sampled_from(["box", "box", "shrink", "open", "whole"]))
        taken: slice | int = slice(first, behind, step)
        if how == "shrink":
            first = taken = draw(st.integers(-size, size - 1))
            step = 1
            masks["ShrinkAxisMask"] |= bit
        elif how == "open":
            masks["EndMask"] |= bit
            taken = slice(first, None, step)
        if isinstance(taken, slice) and (how == "whole" or not range(size)[taken]):
            masks["BeginMask"] |= bit
            masks["EndMask"] |= bit
            taken = slice(None, None, step)
        index.append(taken)
        begin.append(first)
        end.append(behind)
        stride.append(step)
    result = np.zeros(shape)[tuple(index)].shape
    constants = [integers(begin), integers(end), integers(stride)]
    return network(STRIDED_SLICE, [shaped(kind, shape)], [shaped(kind, result)], constants, **masks)


@st.composite
def split_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape, count = draw(kinds()), draw(shapes()), draw(st.integers(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    part = list(shape)
    shape[axis] *= count
    written = axis - len(shape) if draw(st.booleans()) else axis
    return network(
        SPLIT,
        [shaped(kind, shape)],
        [shaped(kind, part)] * count,
        [integers(written)],
        is_last=False,
        NumSplits=count,
    )


@st.composite
def split_v_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes())
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(SIZES, min_size=1, max_size=4))
    results = [[*shape[:axis], size, *shape[axis + 1 :]] for size in sizes]
    shape[axis] = sum(sizes)
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    return network(
        SPLIT_V,
        [shaped(kind, shape)],
        [shaped(kind, result) for result in results],
        [integers(sizes), integers(axis)],
        NumSplits=len(sizes),
    )


@st.composite
def concatenation_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes())
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(SIZES, min_size=1, max_size=4))
    given = [shaped(kind, [*shape[:axis], size, *shape[axis + 1 :]]) for size in sizes]
    shape[axis] = sum(sizes)
    written = axis - len(shape) if draw(st.booleans()) else axis
    return network(CONCATENATION, given, [shaped(kind, shape)], Axis=written)


@st.composite
def pack_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape, count = draw(kinds()), draw(shapes(1, 3)), draw(st.integers(1, 4))
    axis = draw(st.integers(0, len(shape)))
    result = [*shape[:axis], count, *shape[axis:]]
    written = axis - len(result) if draw(st.booleans()) else axis
    return network(
        PACK, [shaped(kind, shape)] * count, [shaped(kind, result)], Axis=written, ValuesCount=count
    )


@st.composite
def unpack_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes())
    axis = draw(st.integers(0, len(shape) - 1))
    part = shaped(kind, [*shape[:axis], *shape[axis + 1 :]])
    count = shape[axis]
    return network(UNPACK, [shaped(kind, shape)], [part] * count, Axis=axis, Num=count)


@st.composite
def gather_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes())
    axis = draw(st.integers(0, len(shape) - 1))
    indices = draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=5))
    result = shaped(kind, [*shape[:axis], len(indices), *shape[axis + 1 :]])
    return network(GATHER, [shaped(kind, shape)], [result], [integers(indices)], Axis=axis)


@st.composite
def alias_models(draw: st.DrawFn) -> ModelSpec:
    kind, shape = draw(kinds()), draw(shapes(1, 3))
    axis = draw(st.integers(0, len(shape)))
    longer = [*shape[:axis], 1, *shape[axis:]]
    if draw(st.booleans()):
        return network(EXPAND_DIMS, [shaped(kind, shape)], [shaped(kind, longer)], [integers(axis)])
    squeezed = [size for size in longer if size != 1]
    return network(SQUEEZE, [shaped(kind, longer)], [shaped(kind, squeezed)])


@st.composite
def svdf_models(draw: st.DrawFn) -> ModelSpec:
    batches, depth, rank, units, memory = (draw(SIZES) for _ in range(5))
    filters = rank * units
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    biases = generator.integers(-3000, 3000, units).astype("<i4").tobytes()
    over_time = generator.integers(-32767, 32768, filters * memory).astype("<i2").tobytes()
    state = replace(draw(kinds(INT16)), shape=[batches, filters * memory], is_variable=True)
    tensors = [
        shaped(draw(kinds(INT8)), [batches, depth]),
        TensorSpec(
            shape=[filters, depth],
            scales=[draw(scales())],
            zero_points=[0],
            data=random_bytes(draw, filters * depth),
        ),
        replace(
            draw(kinds(INT16)),
            shape=[filters, memory],
            scales=[draw(st.sampled_from([2.0**-15, 0.003]))],
            data=over_time,
        ),
        TensorSpec(shape=[units], scales=[1e-4], zero_points=[0], type_code=INT32, data=biases),
        state,
        shaped(draw(kinds(INT8)), [batches, units]),
    ]
    bias = 3 if draw(st.booleans()) else -1
    layer = OperatorSpec(
        code=SVDF,
        inputs=[0, 1, 2, bias, 4],
        outputs=[5],
        options={"Rank": rank, "FusedActivationFunction": RELU},
    )
    return ModelSpec(tensors=tensors, operators=[layer], inputs=[0], outputs=[5])


@st.composite
def batch_matmul_models(draw: st.DrawFn) -> ModelSpec:
    rows, depth, columns = draw(SIZES), draw(st.integers(1, 20)), draw(SIZES)
    batches = draw(st.lists(st.integers(1, 3), max_size=2))
    left_batches = [draw(st.sampled_from([1, size])) for size in batches]
    right_batches = [
        size if left == 1 else draw(st.sampled_from([1, size]))
        for size, left in zip(batches, left_batches, strict=True)
    ]
    transposed = draw(st.booleans()), draw(st.booleans())
    left = [depth, rows] if transposed[0] else [rows, depth]
    right = [columns, depth] if transposed[1] else [depth, columns]
    given = shaped(draw(kinds(INT8)), [*left_batches, *left])
    other = shaped(draw(kinds(INT8)), [*right_batches, *right])
    spread = given.scales[0] * other.scales[0] * draw(st.floats(5, 3000))
    result = replace(
        draw(kinds(INT8)), shape=[*batches, rows, columns], scales=[float(np.float32(spread))]
    )
    options = {"AdjX": transposed[0], "AdjY": transposed[1]}
    if draw(st.booleans()):
        data = random_bytes(draw, int(np.prod(other.shape)), low=-128)
        constant = replace(other, data=data)
        return network(BATCH_MATMUL, [given], [result], [constant], **options)
    return network(BATCH_MATMUL, [given, other], [result], **options)


MODELS = {
    "svdf": svdf_models(),
    "batch_matmul": batch_matmul_models(),
    "quantize": quantize_models(),
    "transpose": transpose_models(),
    "slice": slice_models(),
    "strided_slice": strided_slice_models(),
    "split": split_models(),
    "split_v": split_v_models(),
    "concatenation": concatenation_models(),
    "pack": pack_models(),
    "unpack": unpack_models(),
    "gather": gather_models(),
    "alias": alias_models(),
}
"""Name to strategy; ``alias`` is EXPAND_DIMS and SQUEEZE."""
