"""RESHAPE: the same bytes under another shape."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy.typing as npt

from sw_templates.layers.alias_layer import AliasLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(AliasLayer):
    """RESHAPE; the new shape is the output's, so a second input is not looked at."""

    operator: ClassVar[str] = "RESHAPE"
    kernel: ClassVar[str] = "reshape"
    structure: ClassVar[str] = """
struct reshape_layer {
    int32_t size; /* bytes */
};
"""
    prototype: ClassVar[str] = """
void reshape(const struct reshape_layer *layer, const int8_t *input, int8_t *output);
"""
    most_inputs: ClassVar[int] = 2

    @classmethod
    def known_shape(
        cls, shape: tuple[int, ...], sizes: npt.NDArray[Any] | None
    ) -> tuple[int, ...] | None:
        """See ``Layer.known_shape``."""
        if sizes is None:
            return None
        whole, named = prod(shape), [int(size) for size in sizes.reshape(-1)]
        rest = prod(size for size in named if size != -1)
        if named.count(-1) > 1 or rest < 1 or whole % rest:
            return None
        found = tuple(whole // rest if size == -1 else size for size in named)
        return found if min((*found, 1)) > 0 and prod(found) == whole else None


OPERATOR = Reshape
