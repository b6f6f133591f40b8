"""Networks with int4 weights, made of ones with int8 weights."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tflite

from sw_templates.constants import packed_int4
from tests.firmware.tflite_builder import (
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    INT8,
    ModelSpec,
    TensorSpec,
)

INT4 = tflite.TensorType.INT4
WITH_KERNELS = (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED)


def with_int4_weights(spec: ModelSpec, codes: tuple[int, ...] = WITH_KERNELS) -> ModelSpec:
    """Return a network whose weights have the high four bits only, and a scale as much larger.

    Args:
        spec: Of int8 weights.
        codes: Operators whose weights are changed.
    """
    changed = [
        operator
        for operator in spec.operators
        if operator.code in codes and spec.tensors[operator.inputs[1]].type_code == INT8
    ]
    tensors = list(spec.tensors)
    for operator in changed:
        weights, *bias = operator.inputs[1:]
        tensors[weights] = _int4(tensors[weights])
        for number in bias:
            tensors[number] = _with_larger_scale(tensors[number])
    return replace(spec, tensors=tensors)


def _int4(tensor: TensorSpec) -> TensorSpec:
    high = np.frombuffer(tensor.data or b"", np.int8) >> 4
    packed = packed_int4(high.reshape(1, -1)).tobytes()
    return replace(tensor, type_code=INT4, scales=_larger(tensor.scales), data=packed)


def _with_larger_scale(bias: TensorSpec) -> TensorSpec:
    values = np.frombuffer(bias.data or b"", "<i4") >> 4
    return replace(bias, scales=_larger(bias.scales), data=values.astype("<i4").tobytes())


def _larger(scales: Sequence[float]) -> list[float]:
    return [float(np.float32(16 * scale)) for scale in scales]
