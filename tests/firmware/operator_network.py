"""A network that has every operator at least once, each beside the others on one image."""

from collections.abc import Sequence

import numpy as np

from tests.firmware.firmware_bench import small_network_spec
from tests.firmware.random_operators import TABLE_OPERATORS, integers
from tests.firmware.tflite_builder import (
    ADD,
    LEAKY_RELU,
    LOGISTIC,
    MAX_POOL_2D,
    MAXIMUM,
    MEAN,
    MINIMUM,
    MIRROR_PAD,
    MUL,
    PAD,
    PADV2,
    PRELU,
    RESIZE_BILINEAR,
    RESIZE_NEAREST_NEIGHBOR,
    SAME,
    SUB,
    SUM,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

SHAPE = [1, 8, 7, 3]


class _Network:
    """Collects operators that go on from one another's outputs."""

    def __init__(self, spec: ModelSpec) -> None:
        self.tensors = list(spec.tensors)
        self.operators = list(spec.operators)
        self.inputs, self.outputs = spec.inputs, spec.outputs

    def add(self, tensor: TensorSpec) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def apply(
        self,
        code: int,
        inputs: Sequence[int],
        shape: Sequence[int],
        options: dict[str, float] | None = None,
        *,
        scale: float | None = None,
        zero_point: int | None = None,
    ) -> int:
        """Return the number of the output; without a scale it has the first input's."""
        source = self.tensors[inputs[0]]
        output = self.add(
            TensorSpec(
                shape=shape,
                scales=source.scales if scale is None else [scale],
                zero_points=source.zero_points if zero_point is None else [zero_point],
            )
        )
        self.operators.append(
            OperatorSpec(code=code, inputs=inputs, outputs=[output], options=options or {})
        )
        return output


def operator_network() -> bytes:
    generator = np.random.default_rng(9)
    network = _Network(small_network_spec())

    def constant(shape: list[int], scale: float, zero_point: int) -> int:
        data = generator.integers(-128, 128, shape, dtype=np.int8).tobytes()
        return network.add(
            TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point], data=data)
        )

    image = 0
    for code in TABLE_OPERATORS:
        options = {"Alpha": 0.1} if code == LEAKY_RELU else {}
        scale, zero_point = (1 / 256, -128) if code == LOGISTIC else (0.017, 11)
        network.apply(code, [image], SHAPE, options, scale=scale, zero_point=zero_point)
    channel, pixel = constant([3], 0.01, 7), constant([1, 8, 7, 1], 0.03, -9)
    for code in (ADD, SUB, MUL, MAXIMUM, MINIMUM):
        first = network.apply(code, [image, channel], SHAPE, scale=0.03, zero_point=2)
        network.apply(code, [pixel, first], SHAPE, scale=0.05, zero_point=-4)
    network.apply(PRELU, [image, channel], SHAPE)
    pool = {"Padding": SAME, "StrideH": 2, "StrideW": 1, "FilterHeight": 3, "FilterWidth": 2}
    pooled = network.apply(MAX_POOL_2D, [image], [1, 4, 7, 3], pool)
    pads = network.add(integers([[0, 0], [1, 2], [2, 0], [0, 0]]))
    padded = network.apply(PAD, [pooled, pads], [1, 7, 9, 3])
    value = constant([], 0.02, -3)
    padded = network.apply(PADV2, [padded, pads, value], [1, 10, 11, 3])
    padded = network.apply(MIRROR_PAD, [padded, pads], [1, 13, 13, 3], {"Mode": 0})
    axes = network.add(integers([1, -2]))
    network.apply(MEAN, [padded, axes], [1, 3], scale=0.01, zero_point=5)
    network.apply(SUM, [padded, axes], [1, 1, 1, 3], {"KeepDims": 1}, scale=1.1, zero_point=5)
    size = network.add(integers([6, 11]))
    for code in (RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR):
        network.apply(code, [pooled, size], [1, 6, 11, 3], {"HalfPixelCenters": 1})
    return build(
        ModelSpec(
            tensors=network.tensors,
            operators=network.operators,
            inputs=network.inputs,
            outputs=network.outputs,
        )
    )
