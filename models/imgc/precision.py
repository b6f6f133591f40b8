"""How many bits each layer's weights and output activations have: plain data, no TensorFlow.

A file of bit widths is a JSON object; what it leaves out has 8 bits::

    {"stage2_a": {"weights": 4}, "stage3_b": {"weights": 4, "activations": 6}}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.imgc.layers import ACTIVATION_NAMES, WEIGHT_NAMES

BIT_RANGE = (2, 8)


class PrecisionInvalid(Exception):
    """A file of bit widths that names no layer of the network or no possible width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBits:
    """Bits of one layer: its weights (per output channel, symmetric) and its output."""

    weights: int = 8
    activations: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Bit widths of the whole network; a layer that is not named has 8 bits.

    Raises:
        PrecisionInvalid: An unknown layer, or a width outside 2 to 8.
    """

    layers: Mapping[str, LayerBits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = BIT_RANGE
        for name, bits in self.layers.items():
            if name not in ACTIVATION_NAMES:
                raise PrecisionInvalid(
                    f"no layer {name!r}\n  fix: use one of {', '.join(ACTIVATION_NAMES)}"
                )
            for what, width in (("weights", bits.weights), ("activations", bits.activations)):
                if not low <= width <= high:
                    raise PrecisionInvalid(
                        f"{name}: {width} bits for {what}\n  fix: use {low} to {high}"
                    )
            if name not in WEIGHT_NAMES and bits.weights != 8:
                raise PrecisionInvalid(f"{name} has no weights\n  fix: give its activations only")

    def of(self, name: str) -> LayerBits:
        """The widths of one layer."""
        return self.layers.get(name, LayerBits())


def parse_precision(text: str) -> Precision:
    """Read a file of bit widths.

    Raises:
        PrecisionInvalid: Not JSON of the form above, or refused by ``Precision``.
    """
    try:
        raw = json.loads(text)
        layers = {str(name): LayerBits(**bits) for name, bits in raw.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise PrecisionInvalid(
            f'not a file of bit widths: {error}\n  fix: e.g. {{"stage2_a": {{"weights": 4}}}}'
        ) from error
    return Precision(layers=layers)
