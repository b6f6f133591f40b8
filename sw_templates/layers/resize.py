"""What the operators that resize images share: the image, the sizes and the options."""

from collections.abc import Collection
from dataclasses import dataclass

from sw_templates.layers.pick_layer import require_small_tables
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_node import INT8, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizing:
    """An image of which another size is made.

    Attributes:
        image: The input, NHWC.
        output: The output.
        has_aligned_corners: The centres of the corner pixels stay in place.
        has_half_pixel_centers: The centre of a pixel lies in its middle, not in its corner.
    """

    image: Tensor
    output: Tensor
    has_aligned_corners: bool
    has_half_pixel_centers: bool


RESIZE_FIELDS = ("AlignCorners", "HalfPixelCenters")


def read_resizing(node: Node, types: Collection[ElementType] = INT8) -> Resizing:
    """Return what a node resizes, checked.

    Args:
        node: The operator.
        types: Which types its input may have; its output has the same.
    """
    node.inputs(2, 2)
    image = node.activation(0, types)
    output = node.output((image.type,))
    if len(image.shape) != 4:
        node.refuse(image.index, f"has the shape {image.shape}, not 4 sizes")
    height, width = node.integer_list(1, count=2)
    node.require_shape(output, (image.shape[0], height, width, image.shape[3]))
    require_small_tables(node, output)
    corners, centers = (bool(node.option(field)) for field in RESIZE_FIELDS)
    return Resizing(
        image=image,
        output=output,
        has_aligned_corners=corners,
        has_half_pixel_centers=centers,
    )
