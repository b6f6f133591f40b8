"""EXPAND_DIMS: the same elements with a further dimension of size 1."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.alias_layer import AliasLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandDims(AliasLayer):
    """EXPAND_DIMS; the new shape is the output's, so that an axis is not looked at."""

    operator: ClassVar[str] = "EXPAND_DIMS"
    kernel: ClassVar[str] = "expand_dims"
    structure: ClassVar[str] = """
struct expand_dims_layer {
    int32_t size; /* bytes */
};
"""
    prototype: ClassVar[str] = """
void expand_dims(const struct expand_dims_layer *layer, const int8_t *input, int8_t *output);
"""
    most_inputs: ClassVar[int] = 2


OPERATOR = ExpandDims
