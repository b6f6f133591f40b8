"""MEAN over any dimensions."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from contracts.network import ChannelSum, Image, Requantisation, Window
from sw_templates.layers.mean_layer import MeanLayer
from sw_templates.layers.reduce_layer import REDUCE_FIELDS, reduce_prototype, reduce_structure
from sw_templates.layers.window import image_of
from sw_templates.quantise import wrap_int32
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

    def computation(self) -> ChannelSum | None:
        """See ``Layer.computation``: a mean over height, width or both of one image."""
        batches, *sizes, _ = (*(1,) * (4 - len(self.input.shape)), *self.input.shape)
        image = image_of(self.input)
        reduced = {axis - len(self.input.shape) for axis in self.axes}
        if batches != 1 or len(sizes) != 2 or not reduced <= {-3, -2}:
            return None
        height = image.height if -3 in reduced else 1
        width = image.width if -2 in reduced else 1
        return ChannelSum(
            input=self.input.index,
            output=self.output.index,
            image=image,
            result=Image(
                height=image.height // height,
                width=image.width // width,
                channels=image.channels,
            ),
            window=Window(kernel_height=height, kernel_width=width),
            padding=0,
            weights=np.ones((height, width, image.channels), np.int8),
            requantisation=Requantisation(
                biases=(wrap_int32(-self.input.zero_point * height * width),),
                scales=(self.scaling.scale,),
                rounds_once=False,
                zero_point=self.output.zero_point,
                least=-128,
                greatest=127,
            ),
        )


OPERATOR = Mean
