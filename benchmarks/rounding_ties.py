"""Whether a network can have a sum that lies at the very edge of a rounding: for the oracle.

``requantise_once`` adds half a unit, less one for negative sums, and shifts. Whether it is less
one, nothing, or one more changes a result only where product plus half is a multiple of the unit,
or one below: then the product is congruent to half the unit, or to that less one. Multipliers are
known and sums are bounded by the weights, so it can be told whether any input gives such a sum.
"""

from collections.abc import Iterator

import numpy as np

from sw_templates.constants import int8_values
from sw_templates.layers.weighted_layer import WeightedLayer
from sw_templates.model import Model

_KERNEL = "fully_connected"
"""The only one that rounds once."""


def may_tie(model: Model) -> bool:
    """Return whether some sum of a layer that rounds once may lie at the edge of a rounding."""
    return any(
        is_reachable(multiplier, unit_bits=31 - shift, bound=bound)
        for layer in model.layers
        if layer.kernel == _KERNEL and isinstance(layer, WeightedLayer)
        for multiplier, shift, bound in _channels(layer)
    )


def is_reachable(multiplier: int, *, unit_bits: int, bound: int) -> bool:
    """Return whether a sum's product may be congruent to half a unit, or to that less one.

    Args:
        multiplier: Of the sum.
        unit_bits: The unit is 2 to this power.
        bound: The sum is none further from 0 than this.
    """
    if multiplier == 0:
        return False
    unit = 1 << unit_bits
    twos = (multiplier & -multiplier).bit_length() - 1
    if twos <= unit_bits - 1 and 1 << (unit_bits - 1 - twos) <= bound:
        return True  # a sum with so many factors of two
    if twos or unit_bits < 2:
        return unit_bits < 2
    residue = (unit // 2 - 1) * pow(multiplier, -1, unit) % unit
    return min(residue, unit - residue) <= bound


def _channels(layer: WeightedLayer) -> Iterator[tuple[int, int, int]]:
    """Return multiplier, shift and bound of each output."""
    found = {
        each.name: [value for row in each.rows for value in row]
        for each in layer.arrays(row_align_bytes=4)
    }
    rows = int8_values(layer.weights).reshape(len(found[f"{layer.name}_multipliers"]), -1)
    most = np.abs(rows.astype(np.int64)).sum(axis=1) * 128
    names = (f"{layer.name}_{name}" for name in ("multipliers", "shifts", "bias"))
    for multiplier, shift, bias, row in zip(*(found[name] for name in names), most, strict=True):
        yield int(multiplier), int(shift), int(row) + abs(int(bias))
