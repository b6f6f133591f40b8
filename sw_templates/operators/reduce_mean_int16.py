"""MEAN of int16 over any dimensions."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.mean_layer import MeanLayer
from sw_templates.layers.reduce_layer import REDUCE_FIELDS, reduce_prototype, reduce_structure
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanInt16(MeanLayer):
    """MEAN on int16."""

    operator: ClassVar[str] = "MEAN"
    kernel: ClassVar[str] = "reduce_mean_int16"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ReducerOptions", fields=REDUCE_FIELDS
    )
    for_int16: ClassVar[bool] = True
    structure: ClassVar[str] = reduce_structure("reduce_mean_int16")
    prototype: ClassVar[str] = reduce_prototype("reduce_mean_int16", "int16_t")


OPERATOR = MeanInt16
