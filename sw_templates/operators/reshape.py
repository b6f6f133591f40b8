"""RESHAPE: the same bytes under another shape."""

from dataclasses import dataclass
from typing import ClassVar

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


OPERATOR = Reshape
