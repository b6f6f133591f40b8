"""The same sum over other shapes: how a layer is looked at so that the array is used well."""

from dataclasses import replace

from contracts.network import Image, Window, WindowSum
from hw_templates.cfu.engine.compiler.task import is_same_place
from hw_templates.cfu.engine.config import EngineConfig


def over_whole_image(layer: WindowSum, held: Image | None, config: EngineConfig) -> WindowSum:
    """Return a fully connected layer as a kernel as large as the image that it reads.

    An image whose channels fill no whole rows has gaps between its pixels, which one long vector
    has not.

    Args:
        layer: Any; only one of a single vector is changed.
        held: How its input lies in the engine; None where it is not there.
        config: The engine.
    """
    if held is None or layer.image.pixels != 1 or layer.window.taps != 1:
        return layer
    if is_same_place(held, layer.image, config) or held.elements != layer.image.elements:
        return layer
    window = Window(kernel_height=held.height, kernel_width=held.width)
    shape = (len(layer.weights), held.height, held.width, held.channels)
    return replace(layer, image=held, window=window, weights=layer.weights.reshape(shape))
