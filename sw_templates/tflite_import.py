"""From a TFLite file to a :class:`Model`: every promise of ``model.py`` is checked here."""

import re
from collections.abc import Sequence
from pathlib import Path

from contracts.faults import ConfigError
from sw_templates.graph.graph_edges import host_functions, without_float_edges
from sw_templates.graph.graph_folding import fold_constants
from sw_templates.graph.obstacles import require_no_obstacles
from sw_templates.layer import Layer
from sw_templates.model import Model
from sw_templates.operator_set import OperatorSet, find_operators
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import (
    RawModel,
    RawOperator,
    parse_tflite,
    read_tflite,
)
from sw_templates.tflite_node import Node

_INPUT_TYPES = (ElementType.INT8, ElementType.UINT8, ElementType.INT16)
_PLAIN_TYPES = (ElementType.INT32, ElementType.INT64)
_OUTPUT_TYPES = (*_INPUT_TYPES, *_PLAIN_TYPES)
"""What the outputs of a model may be: indexes and counts have no scale."""
_FILE_TYPES = (*_OUTPUT_TYPES, ElementType.FLOAT32)


def load_model(path: Path, *, operator_folders: Sequence[Path] = ()) -> Model:
    """Import a TFLite file.

    Args:
        path: Of the file.
        operator_folders: Where operators are looked for beside those of this project.

    Raises:
        ConfigError: The file cannot be read, or holds something that the firmware cannot run;
            operators are named with index and tensor. Or a file in ``operator_folders`` is none.
    """
    operators = find_operators(operator_folders)
    raw = read_tflite(path, operators.options)
    return _Importer(raw, str(path), operators).model(path.stem)


def model_from_bytes(content: bytes, name: str, *, operator_folders: Sequence[Path] = ()) -> Model:
    """Import the bytes of a TFLite file; raises as :func:`load_model` does."""
    operators = find_operators(operator_folders)
    raw = parse_tflite(content, name, operators.options)
    return _Importer(raw, name, operators).model(name)


class _Importer:
    """Walks the operators of one file in order."""

    def __init__(self, file: RawModel, source: str, operators: OperatorSet) -> None:
        self._file = file
        graph = without_float_edges(fold_constants(file, operators.by_name), operators.by_name)
        self._raw = graph.raw
        self._graph = graph
        self._raw_operators = {operator.index: operator for operator in file.operators}
        self._source = source
        self._operators = operators
        self._layer_of = operators.by_name
        self._written: set[int] = set()

    def model(self, name: str) -> Model:
        raw = self._raw
        layers = self._layers()
        if not raw.inputs or not raw.outputs:
            raise ConfigError(
                f"{self._source} has {len(raw.inputs)} inputs and {len(raw.outputs)} outputs",
                fix="use a model with at least one of each",
            )
        if not layers:
            raise ConfigError(f"{self._source} has no operators", fix="use a model that computes")
        first, last = self._node(raw.operators[0]), self._node(raw.operators[-1])
        inputs = tuple(self._input(first, index) for index in raw.inputs)
        for layer in layers:
            self._require_order(layer)
        outputs = tuple(self._output(last, index) for index in raw.outputs)
        return Model(
            name=re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64] or "model",
            layers=layers,
            inputs=inputs,
            outputs=outputs,
            file_inputs=tuple(first.tensor(index, _FILE_TYPES) for index in self._file.inputs),
            file_outputs=tuple(last.tensor(index, _FILE_TYPES) for index in self._file.outputs),
            host_operators=self._graph.host_operators,
            input_steps=self._graph.input_steps,
            output_steps=self._graph.output_steps,
            operators=self._operators,
        )

    def _node(self, operator: RawOperator) -> Node:
        options = self._operators.options.get(operator.name)
        return Node(self._raw, operator, options=options, source=self._source)

    def _input(self, node: Node, index: int) -> Tensor:
        """Return one of the model's inputs; ``node`` is who refuses it."""
        tensor = node.quantised(index, _INPUT_TYPES)
        if tensor.data is not None:
            node.refuse(index, "is a constant used as the model's input")
        if index in self._written:
            node.refuse(index, "is the model's input twice", fix="name each input once")
        self._written.add(index)
        return tensor

    def _output(self, node: Node, index: int) -> Tensor:
        """Return one of the model's outputs; ``node`` is who refuses it."""
        tensor = node.tensor(index, _OUTPUT_TYPES)
        if tensor.type not in _PLAIN_TYPES:
            node.require_one_scale(tensor)
        if index not in self._written:
            node.refuse(index, "is the model's output, but no operator writes it")
        return tensor

    def _read(self, operator: RawOperator) -> Layer:
        node = self._node(operator)
        try:
            layer = self._class_of(operator).read(node)
        except (ValueError, ArithmeticError) as error:
            node.refuse(next(iter(operator.outputs), None), f"cannot be quantised: {error}")
        if tuple(tensor.index for tensor in layer.outputs) != operator.outputs:
            node.refuse(None, f"has {len(operator.outputs)} outputs, needs {len(layer.outputs)}")
        return layer

    def _class_of(self, operator: RawOperator) -> type[Layer]:
        """Return the class of an operator, by the types of the first two tensors that it reads."""
        tensors = self._raw.tensors
        types = [tensors[n].type_name if 0 <= n < len(tensors) else "" for n in operator.inputs[:2]]
        usual = self._layer_of[operator.name]
        if types[:1] == [ElementType.INT16.value]:
            return self._operators.for_int16.get(operator.name, usual)
        if types[1:] == [ElementType.INT4.value]:
            return self._operators.for_int4.get(operator.name, usual)
        return usual

    def _layers(self) -> tuple[Layer, ...]:
        """Read every operator; one error names all that cannot be read, and why."""
        layers: list[Layer] = []
        refusals: dict[int, ConfigError] = {}
        for operator in self._raw.operators:
            if operator.name in self._layer_of:
                try:
                    layers.append(self._read(operator))
                except ConfigError as error:
                    refusals[operator.index] = error
        require_no_obstacles(
            self._raw,
            self._source,
            known=tuple(self._layer_of),
            by_host=host_functions(self._layer_of),
            edges=[name for name, layer in self._layer_of.items() if layer.is_host_edge],
            refusals=refusals,
        )
        return tuple(layers)

    def _require_order(self, layer: Layer) -> None:
        node = self._node(self._raw_operators[layer.index])
        for tensor in layer.inputs:
            if tensor.data is None and tensor.index not in self._written:
                node.refuse(tensor.index, "is read before anything writes it")
        for output in layer.outputs:
            if output.index in self._written or output.data is not None:
                node.refuse(output.index, "is written twice or is a constant")
            self._written.add(output.index)
