"""Float32 inputs and outputs around an integer graph: the host quantises, the firmware does not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sw_templates.layer import Layer
from sw_templates.tflite_file import RawModel, RawOperator

_FLOAT = "FLOAT32"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerGraph:
    """A graph without the operators at its edges that the host does.

    Attributes:
        raw: Its inputs and outputs are the quantised tensors, in the order of the file's.
        host_operators: Numbers of the QUANTIZE and DEQUANTIZE operators that were left out.
    """

    raw: RawModel
    host_operators: tuple[int, ...]


def without_float_edges(raw: RawModel, layers: Mapping[str, type[Layer]]) -> IntegerGraph:
    """Leave out QUANTIZE behind float32 inputs and DEQUANTIZE before float32 outputs.

    An input that is used otherwise too, or twice, stays as it is, and so does such an output: the
    import then says what is wrong with it.

    Args:
        raw: The graph as the file states it.
        layers: TFLite's name of each operator that is supported to its class.
    """
    readers: dict[int, list[RawOperator]] = {}
    writers: dict[int, RawOperator] = {}
    for operator in raw.operators:
        for number in operator.inputs:
            readers.setdefault(number, []).append(operator)
        writers |= dict.fromkeys(operator.outputs, operator)
    host: list[RawOperator] = []
    inputs = []
    for number in raw.inputs:
        uses = readers.get(number, [])
        is_edge = (
            _is_float(raw, number)
            and len(uses) == 1
            and uses[0].name in layers
            and layers[uses[0].name].is_host_edge
            and _is_one_to_one(uses[0])
            and number not in raw.outputs
        )
        host += uses if is_edge else []
        inputs.append(uses[0].outputs[0] if is_edge else number)
    outputs = []
    for number in raw.outputs:
        writer = writers.get(number)
        is_edge = (
            writer is not None
            and _is_float(raw, number)
            and number not in readers
            and writer.name == "DEQUANTIZE"
            and _is_one_to_one(writer)
        )
        if is_edge and writer is not None:
            host.append(writer)
            outputs.append(writer.inputs[0])
        else:
            outputs.append(number)
    left_out = {operator.index for operator in host}
    return IntegerGraph(
        raw=replace(
            raw,
            operators=tuple(each for each in raw.operators if each.index not in left_out),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
        ),
        host_operators=tuple(sorted(left_out)),
    )


def _is_float(raw: RawModel, number: int) -> bool:
    return 0 <= number < len(raw.tensors) and raw.tensors[number].type_name == _FLOAT


def _is_one_to_one(operator: RawOperator) -> bool:
    return len(operator.inputs) == len(operator.outputs) == 1
