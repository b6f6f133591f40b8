"""LOGISTIC of int16."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.sigmoid_layer16 import SIGMOID_MEMBERS, SigmoidLayer16


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticInt16(SigmoidLayer16):
    """LOGISTIC on int16; the output has the scale 2^-15."""

    operator: ClassVar[str] = "LOGISTIC"
    kernel: ClassVar[str] = "logistic_int16"
    structure: ClassVar[str] = f"struct logistic_int16_layer {{\n{SIGMOID_MEMBERS}}};\n"
    prototype: ClassVar[str] = """
void logistic_int16(const struct logistic_int16_layer *layer, const int16_t *input,
         int16_t *output);
"""


OPERATOR = LogisticInt16
