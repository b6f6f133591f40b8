"""PADV2: padding with a number that the third input holds."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.pad_layer import PadWithLayer, pad_prototype, pad_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class PadV2(PadWithLayer):
    """PADV2."""

    operator: ClassVar[str] = "PADV2"
    kernel: ClassVar[str] = "padv2"
    structure: ClassVar[str] = pad_structure("padv2")
    prototype: ClassVar[str] = pad_prototype("padv2")


OPERATOR = PadV2
