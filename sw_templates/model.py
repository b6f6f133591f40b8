"""A network as plain frozen data: what the importer promises and the generator relies on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sw_templates.graph.host_steps import HostStep
from sw_templates.layer import Layer
from sw_templates.operator_set import OperatorSet
from sw_templates.tensor import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network.

    Its input, as it comes on the serial line and stands in golden inferences, is the bytes of all
    input tensors one after the other; so is its output.

    What the file itself takes and gives is ``file_inputs`` and ``file_outputs``: the same tensors,
    save where they are float32 and the host does what QUANTIZE and DEQUANTIZE do in the file
    (``sw_templates/graph/float_edges.py``).

    Attributes:
        name: Of the file without its ending; printable ASCII without brackets.
        layers: In execution order, at least one.
        inputs: The tensors that a caller fills in, in the order of the file, each once.
        outputs: The tensors that hold the answer, in the order of the file; one may be there
            twice, or be an input.
        file_inputs: The tensor of the file behind which each of ``inputs`` stands.
        file_outputs: The tensor of the file before which each of ``outputs`` stands.
        host_operators: Numbers of the file's operators that the host does.
        input_steps: For each input, what the host does before it quantises; none for none.
        output_steps: For each output, what the host does behind its DEQUANTIZE.
        operators: The operators that the importer knew, the layers' among them.
    """

    name: str
    layers: tuple[Layer, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    file_inputs: tuple[Tensor, ...]
    file_outputs: tuple[Tensor, ...]
    host_operators: tuple[int, ...] = ()
    input_steps: tuple[tuple[HostStep, ...], ...]
    output_steps: tuple[tuple[HostStep, ...], ...]
    operators: OperatorSet

    def steps_of_input(self, position: int) -> tuple[HostStep, ...]:
        """Return what the host does to the numbers of an input before it quantises them."""
        steps = self.input_steps[position]
        return () if all(step.function.keeps_numbers for step in steps) else steps

    def steps_of_output(self, position: int) -> tuple[HostStep, ...]:
        """Return what the host does to the dequantised numbers of an output."""
        steps = self.output_steps[position]
        return () if all(step.function.keeps_numbers for step in steps) else steps

    @property
    def input_bytes(self) -> int:
        """Bytes of all input tensors."""
        return sum(tensor.size_bytes for tensor in self.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of all output tensors."""
        return sum(tensor.size_bytes for tensor in self.outputs)

    @property
    def input_offsets(self) -> tuple[int, ...]:
        """Where each input tensor begins in the bytes of all, in the order of ``inputs``."""
        return _offsets(self.inputs)

    @property
    def output_offsets(self) -> tuple[int, ...]:
        """Where each output tensor begins in the bytes of all, in the order of ``outputs``."""
        return _offsets(self.outputs)

    def input_parts(self, content: bytes) -> Iterator[tuple[Tensor, bytes]]:
        """Return each input tensor with its part of ``content``, which has ``input_bytes``."""
        return _parts(self.inputs, content)

    def output_parts(self, content: bytes) -> Iterator[tuple[Tensor, bytes]]:
        """Return each output tensor with its part of ``content``, which has ``output_bytes``."""
        return _parts(self.outputs, content)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)


def _offsets(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    return tuple(
        sum(tensor.size_bytes for tensor in tensors[:position]) for position in range(len(tensors))
    )


def _parts(tensors: Sequence[Tensor], content: bytes) -> Iterator[tuple[Tensor, bytes]]:
    for tensor, offset in zip(tensors, _offsets(tensors), strict=True):
        yield tensor, content[offset : offset + tensor.size_bytes]
