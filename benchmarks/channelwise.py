"""``python -m benchmarks.channelwise [CHANNELS ...]``: single layers, plain and in the CFU.

Depthwise convolutions and poolings. One network for each number of channels, all of whose layers
read the same image, on the designs of
``benchmarks.networks`` with on-chip memory; every layer is compared bit for bit with TFLite's.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.networks import DESIGNS, ON_CHIP, Run, layer_table, measure, on_chip
from benchmarks.targets import read_target
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
ON_PAGE = (8, 16, 32)
HEADER = ("layer", f"{ON_PAGE[0]} channels", *map(str, ON_PAGE[1:]))
ROWS = (
    "depthwise 3×3",
    "depthwise 3×3, stride 2",
    "depthwise 3×3, dilation 2",
    "depthwise 5×5",
    "average pooling 2×2, 3×3",
    "max pooling 2×2, 3×3",
)
"""Of the page: ``DEPTHWISE`` and two of ``POOLS``, of both kinds."""


def network(channels: int) -> bytes:
    """Return a file with all layers for one number of channels."""
    rng = np.random.default_rng(channels)
    image = TensorSpec(shape=[1, SIZE, SIZE, channels], scales=[0.05], zero_points=[3])
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

    for kernel, stride, dilation in DEPTHWISE:
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
        size = -(-SIZE // stride)
        add(DEPTHWISE_CONV_2D, [0, len(tensors) - 1], size, 0.3, options)
    for code in (AVERAGE_POOL_2D, MAX_POOL_2D):
        for kernel, stride in POOLS:
            options = {
                "Padding": VALID,
                **{f"Stride{side}": stride for side in "HW"},
                "FilterHeight": kernel,
                "FilterWidth": kernel,
            }
            add(code, [0], (SIZE - kernel) // stride + 1, 0.05, options)
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=outputs))


def runs_of(channels: int) -> dict[str, Run]:
    """Measure the layers of so many channels, plain and in the widest ``simd``."""
    target = on_chip(read_target("ulx3s_85f"))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / f"channels_{channels}.tflite"
        model.write_bytes(network(channels))
        return {
            name: measure(model, {**DESIGNS[name], **ON_CHIP}, target)
            for name in ("plain", "channelwise")
        }


def layer_cells(plain: Run, fast: Run) -> list[str]:
    """Return the cells of one number of channels: depthwise layers, then both kinds of pooling."""
    pairs = list(zip(plain.layers, fast.layers, strict=True))
    factors = [slow.cycles / quick.cycles for slow, quick in pairs]
    cells = [
        f"{quick.macs / quick.cycles:.1f} ({factor:.0f})"
        for (_, quick), factor in zip(
            pairs[: len(DEPTHWISE)], factors[: len(DEPTHWISE)], strict=True
        )
    ]
    for start in (len(DEPTHWISE), len(DEPTHWISE) + len(POOLS)):  # the last of each is of all
        two, three = factors[start : start + 2]
        cells.append(f"({_factor(two)}, {_factor(three)})")
    return cells


def single_layers() -> list[list[str]]:
    """Measure single layers in the CFU, and how many times faster than plain they are."""
    columns = [layer_cells(*runs_of(channels).values()) for channels in ON_PAGE]
    return [[name, *cells] for name, *cells in zip(ROWS, *columns, strict=True)]


def _factor(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def main() -> None:
    """Measure the given numbers of channels, or all, and print."""
    for channels in [int(text) for text in sys.argv[1:]] or CHANNELS:
        sys.stdout.write(f"{channels} channels\n{layer_table(runs_of(channels))}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
