"""RESHAPE: the same bytes under another shape."""

from dataclasses import dataclass
from typing import ClassVar, Self

from sw_templates.layer import Layer
from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Layer):
    """RESHAPE; the new shape is the output's, so a second input is not looked at."""

    operator: ClassVar[str] = "RESHAPE"
    kernel: ClassVar[str] = "reshape"
    structure: ClassVar[str] = """
struct reshape_layer {
    int32_t size; /* bytes */
};
"""
    prototype: ClassVar[str] = """
void reshape(const struct reshape_layer *layer, const int8_t *input, int8_t *output);
"""
    aliases_input: ClassVar[bool] = True

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(1, 2)
        source, output = node.activation(0), node.output()
        if source.elements != output.elements:
            node.refuse(output.index, f"has the shape {output.shape}, the input {source.shape}")
        return cls(index=node.index, inputs=(source,), outputs=(output,))

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        del row_align_bytes
        return {"size": self.output.size_bytes}


OPERATOR = Reshape
