"""Operators that give the same elements another shape: RESHAPE, EXPAND_DIMS, SQUEEZE."""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy.typing as npt

from contracts.network import Alias
from sw_templates.graph.host_steps import KEPT, HostFunction
from sw_templates.layer import Layer
from sw_templates.layers.strided_view import MOVED_TYPES, require_same_type
from sw_templates.tensor import ElementType
from sw_templates.tflite_file import RawTensor
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasLayer(Layer, ABC):
    """A layer whose output has the bytes of its input; ``struct`` holds their ``size``.

    Class attributes:
        most_inputs: How many inputs there may be; those behind the first are not looked at.
    """

    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "elements"
    on_host: ClassVar[HostFunction | None] = KEPT
    aliases_input: ClassVar[bool] = True
    most_inputs: ClassVar[int]

    @classmethod
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.fold``."""
        del options
        return [values[0].reshape(output.shape)]

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, cls.most_inputs)
        source, output = node.activation(0, MOVED_TYPES), node.output(MOVED_TYPES)
        require_same_type(node, source, output)
        if source.elements != output.elements:
            node.refuse(output.index, f"has the shape {output.shape}, the input {source.shape}")
        return cls(index=node.index, inputs=(source,), outputs=(output,))

    def computation(self) -> Alias | None:
        """See ``Layer.computation``."""
        if self.input.type is not ElementType.INT8:
            return None
        return Alias(input=self.input.index, output=self.output.index)

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """See ``Layer.evaluate``."""
        return [values[0]]

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {"size": self.output.size_bytes}
