"""RESIZE_BILINEAR of int16: each pixel is a mean of four of the input, with weights of 10 bits."""

from dataclasses import dataclass
from typing import ClassVar

from sw_templates.layers.bilinear_layer import BilinearLayer, bilinear_structure
from sw_templates.layers.resize import RESIZE_FIELDS
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeBilinearInt16(BilinearLayer):
    """RESIZE_BILINEAR on int16."""

    operator: ClassVar[str] = "RESIZE_BILINEAR"
    kernel: ClassVar[str] = "resize_bilinear_int16"
    for_int16: ClassVar[bool] = True
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="ResizeBilinearOptions", fields=RESIZE_FIELDS
    )
    structure: ClassVar[str] = bilinear_structure("resize_bilinear_int16")
    prototype: ClassVar[str] = """
void resize_bilinear_int16(const struct resize_bilinear_int16_layer *layer, const int16_t *input,
                           int16_t *output);
"""


OPERATOR = ResizeBilinearInt16
