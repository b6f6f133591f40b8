"""What MAXIMUM and MINIMUM share: they compare stored numbers, whatever their scales."""

from abc import ABC
from dataclasses import dataclass
from typing import Self

from sw_templates.layers.elementwise_layer import ElementwiseLayer
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremumLayer(ElementwiseLayer, ABC):
    """A layer that takes one of two stored numbers, as the reference has it.

    Its C template sets ``kernel``, ``element`` and ``comparison`` and includes ``extremum.inc``.
    """

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        left, right, output = cls.operands(node)
        return cls(index=node.index, inputs=(left, right), outputs=(output,))
