"""SQUEEZE: the same elements without dimensions of size 1."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.alias_layer import AliasLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeeze(AliasLayer):
    """SQUEEZE; the new shape is the output's, so that an axis is not looked at."""

    operator: ClassVar[str] = "SQUEEZE"
    kernel: ClassVar[str] = "squeeze"
    structure: ClassVar[str] = """
struct squeeze_layer {
    int32_t size; /* bytes */
};
"""
    prototype: ClassVar[str] = """
void squeeze(const struct squeeze_layer *layer, const int8_t *input, int8_t *output);
"""
    most_inputs: ClassVar[int] = 1


OPERATOR = Squeeze
