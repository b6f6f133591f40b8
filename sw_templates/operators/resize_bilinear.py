"""RESIZE_BILINEAR: each pixel is a mean of four of the input, with weights of 10 bits."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.bilinear_layer import BilinearLayer, bilinear_structure
from sw_templates.layers.resize import RESIZE_FIELDS
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeBilinear(BilinearLayer):
    """RESIZE_BILINEAR."""

    operator: ClassVar[str] = "RESIZE_BILINEAR"
    kernel: ClassVar[str] = "resize_bilinear"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ResizeBilinearOptions", fields=RESIZE_FIELDS
    )
    structure: ClassVar[str] = bilinear_structure("resize_bilinear")
    prototype: ClassVar[str] = """
void resize_bilinear(const struct resize_bilinear_layer *layer, const int8_t *input,
                     int8_t *output);
"""


OPERATOR = ResizeBilinear
