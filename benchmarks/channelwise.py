"""``python -m benchmarks.channelwise [CHANNELS ...]``: single layers, plain and in the CFU.

Depthwise convolutions and poolings. One network for each number of channels, all of whose layers
read the same image, on the designs of
``benchmarks.networks`` with on-chip memory; every layer is compared bit for bit with TFLite's.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.networks import DESIGNS, ON_CHIP, Run, layer_table, measure, on_chip
from benchmarks.targets import read_target
from contracts.measurement import LayerProfile
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
LARGE = 48
"""Side of an image on which what a layer costs to begin matters less."""
ON_PAGE = (8, 16, 32)
HEADER = ("layer", f"{ON_PAGE[0]} channels", *map(str, ON_PAGE[1:]))
ROWS = (
    "depthwise 3×3",
    "depthwise 3×3, stride 2",
    "depthwise 3×3, dilation 2",
    "depthwise 5×5",
    "average pooling 2×2, 3×3",
    "max pooling 2×2, 3×3",
    "depthwise 3×3, image of 48×48",
)
"""Of the page: ``DEPTHWISE`` and two of ``POOLS``, of both kinds, then one on a ``LARGE`` image."""


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


def runs_of(channels: int, content: bytes) -> dict[str, Run]:
    """Measure a network of single layers of so many channels, plain and in the widest ``simd``."""
    target = on_chip(read_target("ulx3s_85f"))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / f"channels_{channels}.tflite"
        model.write_bytes(content)
        return {
            name: measure(model, {**DESIGNS[name], **ON_CHIP}, target)
            for name in ("plain", "channelwise")
        }


def layer_cells(plain: Run, fast: Run) -> list[str]:
    """Return the cells of one number of channels: depthwise layers, then both kinds of pooling."""
    pairs = list(zip(plain.layers, fast.layers, strict=True))
    cells = [_rate(*pair) for pair in pairs[: len(DEPTHWISE)]]
    factors = [slow.cycles / quick.cycles for slow, quick in pairs]
    for start in (len(DEPTHWISE), len(DEPTHWISE) + len(POOLS)):  # the last of each is of all
        two, three = factors[start : start + 2]
        cells.append(f"({_factor(two)}, {_factor(three)})")
    return cells


def large_cell(channels: int) -> str:
    """Measure one depthwise layer on a ``LARGE`` image."""
    content = network(channels, side=LARGE, depthwise=DEPTHWISE[:1], pools=())
    (plain, fast) = (run.layers[0] for run in runs_of(channels, content).values())
    return _rate(plain, fast)


def single_layers() -> list[list[str]]:
    """Measure single layers in the CFU, and how many times faster than plain they are."""
    columns = [
        [*layer_cells(*runs_of(channels, network(channels)).values()), large_cell(channels)]
        for channels in ON_PAGE
    ]
    return [[name, *cells] for name, *cells in zip(ROWS, *columns, strict=True)]


def _rate(slow: LayerProfile, quick: LayerProfile) -> str:
    return f"{quick.macs / quick.cycles:.1f} ({slow.cycles / quick.cycles:.0f})"


def _factor(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def main() -> None:
    """Measure the given numbers of channels, or all, and print."""
    for channels in [int(text) for text in sys.argv[1:]] or CHANNELS:
        table = layer_table(runs_of(channels, network(channels)))
        sys.stdout.write(f"{channels} channels\n{table}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
