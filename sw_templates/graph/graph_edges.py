"""Float32 inputs and outputs around an integer graph: the host quantises, the firmware does not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sw_templates.graph.host_steps import WITHOUT_LAYER, HostFunction, HostStep, host_step
from sw_templates.layer import Layer
from sw_templates.tflite_file import RawModel, RawOperator

_FLOAT = "FLOAT32"
_FROM_INTEGERS = "DEQUANTIZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerGraph:
    """A graph without the operators at its edges that the host does.

    Attributes:
        raw: Its inputs and outputs are the quantised tensors, in the order of the file's.
        host_operators: Numbers of the operators that were left out.
        input_steps: For each input, what stands between it and its QUANTIZE.
        output_steps: For each output, what stands between its DEQUANTIZE and it.
    """

    raw: RawModel
    host_operators: tuple[int, ...]
    input_steps: tuple[tuple[HostStep, ...], ...]
    output_steps: tuple[tuple[HostStep, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """What the host does at one input or output: ``tensor`` is the quantised one."""

    tensor: int
    operators: tuple[int, ...] = ()
    steps: tuple[HostStep, ...] = ()


def host_functions(layers: Mapping[str, type[Layer]]) -> Mapping[str, HostFunction]:
    """Return TFLite's name of each operator that the host does on float32 to what it does."""
    of_layers = {name: layer.on_host for name, layer in layers.items()}
    known = {name: function for name, function in of_layers.items() if function is not None}
    return {**WITHOUT_LAYER, **known}


def without_float_edges(raw: RawModel, layers: Mapping[str, type[Layer]]) -> IntegerGraph:
    """Leave out what leads from inputs to QUANTIZE in float32, and from DEQUANTIZE to outputs.

    An input that is used otherwise too, or twice, stays as it is, and so does such an output: the
    import then says what is wrong with it.

    Args:
        raw: The graph as the file states it.
        layers: TFLite's name of each operator that is supported to its class.
    """
    graph = _Graph(raw, layers)
    inputs = [graph.input_edge(number) for number in raw.inputs]
    outputs = [graph.output_edge(number) for number in raw.outputs]
    left_out = {index for edge in (*inputs, *outputs) for index in edge.operators}
    return IntegerGraph(
        raw=replace(
            raw,
            operators=tuple(each for each in raw.operators if each.index not in left_out),
            inputs=tuple(edge.tensor for edge in inputs),
            outputs=tuple(edge.tensor for edge in outputs),
        ),
        host_operators=tuple(sorted(left_out)),
        input_steps=tuple(edge.steps for edge in inputs),
        output_steps=tuple(edge.steps for edge in outputs),
    )


class _Graph:
    """Who reads and writes each tensor of a file."""

    def __init__(self, raw: RawModel, layers: Mapping[str, type[Layer]]) -> None:
        self._raw = raw
        self._functions = host_functions(layers)
        self._quantisers = {name for name, layer in layers.items() if layer.is_host_edge}
        self._readers: dict[int, list[RawOperator]] = {}
        self._writers: dict[int, RawOperator] = {}
        for operator in raw.operators:
            for number in operator.inputs:
                self._readers.setdefault(number, []).append(operator)
            self._writers |= dict.fromkeys(operator.outputs, operator)

    def input_edge(self, number: int) -> _Edge:
        """Follow an input to the QUANTIZE that alone is behind it."""
        steps: list[HostStep] = []
        at = number
        for _ in self._raw.operators:
            readers = self._readers.get(at, [])
            if len(readers) != 1 or at in self._raw.outputs:
                break
            (reader,) = readers
            if reader.name in self._quantisers and self._is_float(at) and _is_one_to_one(reader):
                operators = (*(step.index for step in steps), reader.index)
                return _Edge(tensor=reader.outputs[0], operators=operators, steps=tuple(steps))
            step = self._step(reader, at, is_before=True)
            if step is None:
                break
            steps.append(step)
            at = reader.outputs[0]
        return _Edge(tensor=number)

    def output_edge(self, number: int) -> _Edge:
        """Follow an output back to the DEQUANTIZE that is before it alone."""
        steps: list[HostStep] = []
        at = number
        for _ in self._raw.operators:
            writer = self._writers.get(at)
            is_asked_for = at != number and at in self._raw.outputs
            if writer is None or is_asked_for or not self._is_float(at):
                break
            if len(self._readers.get(at, [])) > (at != number):
                break
            if writer.name == _FROM_INTEGERS and _is_one_to_one(writer):
                operators = (*(step.index for step in steps), writer.index)
                return _Edge(
                    tensor=writer.inputs[0], operators=operators, steps=tuple(reversed(steps))
                )
            active = [each for each in writer.inputs if self._is_active(each)]
            step = None
            if len(active) == 1:
                step = self._step(writer, active[0], is_before=False)
            if step is None:
                break
            steps.append(step)
            at = active[0]
        return _Edge(tensor=number)

    def _step(self, operator: RawOperator, number: int, *, is_before: bool) -> HostStep | None:
        function = self._functions.get(operator.name)
        if function is None or (is_before and not function.is_before):
            return None
        return host_step(operator, self._raw.tensors, number, function)

    def _is_active(self, number: int) -> bool:
        tensors = self._raw.tensors
        return not (0 <= number < len(tensors)) or tensors[number].data is None

    def _is_float(self, number: int) -> bool:
        tensors = self._raw.tensors
        return 0 <= number < len(tensors) and tensors[number].type_name == _FLOAT


def _is_one_to_one(operator: RawOperator) -> bool:
    return len(operator.inputs) == len(operator.outputs) == 1
