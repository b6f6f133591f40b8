"""MEAN over any dimensions."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.mean_layer import MeanLayer
from sw_templates.layers.reduce_layer import REDUCE_FIELDS, reduce_prototype, reduce_structure
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(MeanLayer):
    """MEAN."""

    operator: ClassVar[str] = "MEAN"
    kernel: ClassVar[str] = "reduce_mean"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ReducerOptions", fields=REDUCE_FIELDS
    )
    structure: ClassVar[str] = reduce_structure("reduce_mean")
    prototype: ClassVar[str] = reduce_prototype("reduce_mean")


OPERATOR = Mean
