"""MAX_POOL_2D: the largest of each channel below a window; padding does not count."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.pool_layer import POOL_FIELDS, POOL_MEMBERS, PoolLayer
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool2d(PoolLayer):
    """MAX_POOL_2D."""

    operator: ClassVar[str] = "MAX_POOL_2D"
    kernel: ClassVar[str] = "max_pool2d"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="Pool2DOptions", fields=POOL_FIELDS)
    structure: ClassVar[str] = f"struct max_pool2d_layer {{\n{POOL_MEMBERS}}};\n"
    prototype: ClassVar[str] = """
void max_pool2d(const struct max_pool2d_layer *layer, const int8_t *input, int8_t *output);
"""


OPERATOR = MaxPool2d
