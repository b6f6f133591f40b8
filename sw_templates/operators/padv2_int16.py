"""PADV2 of int16: padding with a number that the third input holds."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.pad_layer import PadWithLayer, pad_prototype, pad_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class PadV2Int16(PadWithLayer):
    """PADV2 on int16."""

    operator: ClassVar[str] = "PADV2"
    kernel: ClassVar[str] = "padv2_int16"
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = pad_structure("padv2_int16")
    prototype: ClassVar[str] = pad_prototype("padv2_int16", "int16_t")


OPERATOR = PadV2Int16
