"""``python -m benchmarks.channelwise [CHANNELS ...]``: single layers, plain and in the CFU.

Depthwise convolutions and poolings. One network for each number of channels, all of whose layers
read the same image, on the designs of
``benchmarks.networks`` with on-chip memory; every layer is compared bit for bit with TFLite's.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.networks import DESIGNS, ON_CHIP, layer_table, measure
from benchmarks.targets import read_target
from runners.job import Memory
from tests.firmware.tflite_builder import (
    AVERAGE_POOL_2D,
    DEPTHWISE_CONV_2D,
    MAX_POOL_2D,
    SAME,
    VALID,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

SIZE = 24
CHANNELS = (8, 10, 16, 32, 64)
DEPTHWISE = ((3, 1, 1), (3, 2, 1), (3, 1, 2), (5, 1, 1))
"""Kernel, stride and dilation."""
POOLS = ((2, 2), (3, 2), (SIZE, SIZE))
"""Kernel and stride."""


def network(
    channels: int,
    *,
    side: int = SIZE,
    depthwise: Sequence[tuple[int, int, int]] = DEPTHWISE,
    pools: Sequence[tuple[int, int]] = POOLS,
) -> bytes:
    """Return a file with these layers for one number of channels, on an image of side x side."""
    rng = np.random.default_rng(channels)
    image = TensorSpec(shape=[1, side, side, channels], scales=[0.05], zero_points=[3])
    tensors, operators, outputs = [image], [], []

    def add(
        code: int, sources: list[int], size: int, scale: float, options: dict[str, float]
    ) -> None:
        output = TensorSpec(shape=[1, size, size, channels], scales=[scale], zero_points=[3])
        tensors.append(output)
        outputs.append(len(tensors) - 1)
        operators.append(
            OperatorSpec(code=code, inputs=sources, outputs=[outputs[-1]], options=options)
        )

    for kernel, stride, dilation in depthwise:
        weights = rng.integers(-127, 128, (1, kernel, kernel, channels), dtype=np.int8)
        tensors.append(
            TensorSpec(
                shape=list(weights.shape),
                scales=[0.02] * channels,
                zero_points=[0] * channels,
                dimension=3,
                data=weights.tobytes(),
            )
        )
        options: dict[str, float] = {
            "Padding": SAME,
            **{f"Stride{side}": stride for side in "HW"},
            **{f"Dilation{side}Factor": dilation for side in "HW"},
            "DepthMultiplier": 1,
        }
        size = -(-side // stride)
        add(DEPTHWISE_CONV_2D, [0, len(tensors) - 1], size, 0.3, options)
    for code in (AVERAGE_POOL_2D, MAX_POOL_2D):
        for kernel, stride in pools:
            options = {
                "Padding": VALID,
                **{f"Stride{side}": stride for side in "HW"},
                "FilterHeight": kernel,
                "FilterWidth": kernel,
            }
            add(code, [0], (side - kernel) // stride + 1, 0.05, options)
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=outputs))


def main() -> None:
    """Measure the given numbers of channels, or all, and print."""
    memory = Memory(kind="on-chip", size_bytes=1 << 20, l2_bytes=0)
    target = replace(read_target("ulx3s_85f"), memory=memory)
    with tempfile.TemporaryDirectory() as folder:
        for channels in [int(text) for text in sys.argv[1:]] or CHANNELS:
            model = Path(folder) / f"channels_{channels}.tflite"
            model.write_bytes(network(channels))
            runs = {
                name: measure(model, {**DESIGNS[name], **ON_CHIP}, target)
                for name in ("plain", "channelwise")
            }
            sys.stdout.write(f"{channels} channels\n{layer_table(runs)}\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
