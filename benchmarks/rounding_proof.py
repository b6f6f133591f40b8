"""Whether a change of ``requantise.h`` is seen by any layer of a network, for whatever it is given.

A kernel makes an output of a sum by a function of that sum alone, and weights bound the sums. So
every sum of every channel is tried, every pair of inputs of an addition, and every sum of
exponentials of a row with each exponential of a SOFTMAX: a change that makes no difference there
makes none for any input. Some of what is tried no input gives; so the answer may be no for a change
that nothing shows, and yes is a proof.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sw_templates.constants import int8_values
from sw_templates.layer import Layer
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.model import Model

HEADER, FUNCTIONS = "requantise.h", "fixed_point.h"
_SOURCES = Path(__file__).parent
_NO_USE = frozenset(("reshape", "pad", "concatenation", "strided_slice", "logistic"))
"""Kernels that do not use the header."""
_MOST_CLASSES = 16
"""With more the sums of a row are too many to try all."""
_LIMIT_S = 1800.0
_ADDITION = (
    *("left_shift", "input1_zero_point", "input1_multiplier", "input1_shift"),
    *("input2_zero_point", "input2_multiplier", "input2_shift"),
    *("output_zero_point", "output_multiplier", "output_shift"),
    *("activation_min", "activation_max"),
)


def is_same_for_all(model: Model, *, right: Path, changed: str, folder: Path) -> bool:
    """Return whether it is proved that the change is none for this network.

    Args:
        model: The network.
        right: Folder of the right headers.
        changed: The changed header.
        folder: To work in; must exist.
    """
    ranges = [line for layer in model.layers for line in _ranges(layer)]
    if None in ranges:
        return False
    objects = []
    for way, text in (("right", (right / HEADER).read_text()), ("changed", changed)):
        headers = folder / way
        headers.mkdir(exist_ok=True)
        (headers / HEADER).write_text(text)
        (headers / FUNCTIONS).write_text((right / FUNCTIONS).read_text())
        objects.append(str(folder / f"{way}.o"))
        _run(
            "cc",
            *_FLAGS,
            f"-DWAY={way}",
            "-I",
            str(headers),
            "-c",
            _source("way"),
            "-o",
            objects[-1],
        )
    program = folder / "rounding_proof"
    _run("cc", *_FLAGS, _source("proof"), *objects, "-o", str(program))
    done = subprocess.run(
        [program],
        input="\n".join(line for line in ranges if line is not None),
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )
    if done.returncode not in (0, 1):
        done.check_returncode()
    return done.returncode == 0


_FLAGS = ("-O3", "-std=gnu11", "-fwrapv", "-w")


def _source(name: str) -> str:
    return str(_SOURCES / f"rounding_{name}.c")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _ranges(layer: Layer) -> Iterator[str | None]:
    """Yield what is tried of a layer, lines for rounding_proof.c; None where nobody has said it."""
    if isinstance(layer, WeightedLayer) and layer.kernel in _OF_INT8:
        yield from _channels(layer)
    elif layer.kernel == "add":
        fields = layer.fields(row_align_bytes=4)
        yield " ".join(["a", *(str(fields[name]) for name in _ADDITION)])
    elif layer.kernel in ("average_pool2d", "max_pool2d"):
        limits = layer.output_range
        yield f"l {limits.minimum} {limits.maximum}"
    elif layer.kernel == "softmax" and layer.input.shape[-1] <= _MOST_CLASSES:
        (table,) = layer.arrays(row_align_bytes=4)
        exponentials = list(dict.fromkeys(value for row in table.rows for value in row))
        numbers = [layer.input.shape[-1], len(exponentials), *exponentials]
        yield " ".join(["s", *map(str, numbers)])
    elif layer.kernel not in _NO_USE:
        yield None


_OF_INT8 = ("conv2d", "depthwise_conv2d", "fully_connected")


def _channels(layer: WeightedLayer) -> Iterator[str]:
    """Yield the sums that each channel can have, of inputs from -128 to 127."""
    weights = int8_values(layer.weights).astype(np.int64)
    is_by_tap = layer.channels_in_row
    rows = (
        weights.reshape(-1, weights.shape[-1]).T if is_by_tap else weights.reshape(len(weights), -1)
    )
    positive, negative = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    how = layer.requantisation()
    for bias, scale, plus, minus in zip(how.biases, how.scales, positive, negative, strict=True):
        least, most = bias - 128 * plus + 127 * minus, bias + 127 * plus - 128 * minus
        numbers = (int(how.rounds_once), least, most, scale.multiplier, scale.shift)
        yield " ".join(map(str, ("c", *numbers, how.zero_point, how.least, how.greatest)))
