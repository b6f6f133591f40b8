"""A network as plain frozen data: what the importer promises and the generator relies on."""

from dataclasses import dataclass

from sw_templates.layer import Layer
from sw_templates.operator_set import OperatorSet
from sw_templates.tensor import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network with one input and one output.

    Attributes:
        name: Of the file without its ending; printable ASCII without brackets.
        layers: In execution order, at least one.
        input: The tensor that a caller fills in.
        output: The tensor that holds the answer.
        operators: The operators that the importer knew, the layers' among them.
    """

    name: str
    layers: tuple[Layer, ...]
    input: Tensor
    output: Tensor
    operators: OperatorSet

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)
