"""Reads a TFLite file into plain data, without believing a byte of it.

The flatbuffer library follows whatever offsets the file holds. Here every count is compared with
the size of the file before anything is looped over, and whatever the library raises becomes one
:class:`ConfigError`.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tflite
from flatbuffers import number_types

from contracts.faults import ConfigError

MAX_FILE_BYTES = 256 << 20
MAX_DIMENSIONS = 8

_DAMAGE = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    MemoryError,
    AssertionError,
)
"""What the flatbuffer library raises when offsets or lengths make no sense."""

_BUILTIN_CODE_SLOT = 10
_OPERATORS: dict[int, str] = {
    code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)
}
_TENSOR_TYPES: dict[int, str] = {
    code: name for name, code in vars(tflite.TensorType).items() if isinstance(code, int)
}
_OPTION_TYPES: dict[int, str] = {
    code: name for name, code in vars(tflite.BuiltinOptions).items() if isinstance(code, int)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsTable:
    """Which options table of the schema belongs to an operator, and what is read of it.

    Attributes:
        name: Of the table, for example ``Conv2DOptions``.
        fields: Names of scalars in it, for example ``Padding``.

    Raises:
        ValueError: The schema has no such table, or the table no such field.
    """

    name: str
    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        table = getattr(tflite, self.name, None)
        if self.name not in _OPTION_TYPES.values() or table is None:
            raise ValueError(f"TFLite's schema has no options table {self.name!r}")
        for field in self.fields:
            if not hasattr(table, field):
                raise ValueError(f"TFLite's options table {self.name} has no field {field!r}")


OptionsTables = Mapping[str, OptionsTable | None]
"""TFLite's name of each operator that is supported to its options table; None for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTensor:
    """A tensor as the file states it.

    ``signature`` is the shape with -1 for unknown sizes. ``has_other_scales`` says that ``scales``
    are not what the tensor is quantised with: those of blocks lie in another tensor.
    """

    index: int
    name: str
    type_name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    quantised_dimension: int
    has_other_scales: bool
    is_sparse: bool
    is_variable: bool
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOperator:
    """An operator as the file states it.

    Attributes:
        index: Position in execution order.
        name: TFLite's name, ``CUSTOM`` or ``operator code N`` where it is unknown.
        inputs: Numbers of tensors; -1 for one that is left out.
        outputs: Numbers of tensors.
        intermediates: Numbers of tensors that hold nothing but the scales of values inside.
        options_type: Name of the options table, ``NONE`` where there is none.
        options: Scalars of the options table; empty where the operator is not supported or has
            another table.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    options_type: str
    options: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawModel:
    """The first subgraph of a file; ``subgraphs`` says how many it has."""

    tensors: tuple[RawTensor, ...]
    operators: tuple[RawOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int


class _Budget:
    """Refuses vectors that together are longer than the file: overlapping ones, a bomb."""

    def __init__(self, file_bytes: int) -> None:
        self._left_bytes = 2 * file_bytes

    def take(self, count: int, element_bytes: int) -> int:
        self._left_bytes -= count * element_bytes
        if count < 0 or self._left_bytes < 0:
            raise ValueError("a vector is longer than the file")
        return count


def read_tflite(path: Path, options: OptionsTables) -> RawModel:
    """Read ``path``; what of each operator's options is read, ``options`` says.

    Raises:
        ConfigError: The file is missing, unreadable, not a TFLite file or damaged.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(
                f"model file {path} has {path.stat().st_size} bytes, more than {MAX_FILE_BYTES}",
                fix="use a model that fits the memory of a soft SoC",
            )
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"model file {path} cannot be read: {error.strerror}",
            fix="check the path workload.model in the config",
        ) from None
    return parse_tflite(content, str(path), options)


def parse_tflite(content: bytes, source: str, options: OptionsTables) -> RawModel:
    """Parse the bytes of a TFLite file; ``source`` names them in errors.

    Raises:
        ConfigError: Not a TFLite file, or a damaged one.
    """
    if len(content) < 8 or content[4:8] != b"TFL3":
        raise ConfigError(
            f"{source} is not a TFLite file: bytes 4 to 7 are {content[4:8]!r}, not b'TFL3'",
            fix="give a .tflite file written by the TFLite converter",
        )
    try:
        return _parse(content, options)
    except _DAMAGE as error:
        raise ConfigError(
            f"{source} is a damaged TFLite file: {type(error).__name__}: {error}"[:500],
            fix="copy or convert the model again",
        ) from None


def _parse(content: bytes, options: OptionsTables) -> RawModel:
    budget = _Budget(len(content))
    model = tflite.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() == 0:
        raise ValueError("it has no graph")
    graph = model.Subgraphs(0)
    return RawModel(
        tensors=tuple(
            _tensor(model, graph.Tensors(index), index, budget)
            for index in range(budget.take(graph.TensorsLength(), 4))
        ),
        operators=tuple(
            _operator(model, graph.Operators(index), index, budget, options)
            for index in range(budget.take(graph.OperatorsLength(), 4))
        ),
        inputs=_integers(graph.InputsAsNumpy, graph.InputsLength(), budget),
        outputs=_integers(graph.OutputsAsNumpy, graph.OutputsLength(), budget),
        subgraphs=int(model.SubgraphsLength()),
    )


def _numbers(whole: Callable[[], Any], length: int, size: int, budget: _Budget) -> tuple[Any, ...]:
    """Return a vector of numbers of ``size`` bytes, at once: there are thousands of scales."""
    return tuple(whole().tolist()) if budget.take(length, size) else ()


def _integers(whole: Callable[[], Any], length: int, budget: _Budget) -> tuple[int, ...]:
    return _numbers(whole, length, 4, budget)


def _text(value: bytes | None) -> str:
    return (value or b"")[:200].decode("utf-8", errors="replace")


def _tensor(model: Any, table: Any, index: int, budget: _Budget) -> RawTensor:
    if table.ShapeLength() > MAX_DIMENSIONS or table.ShapeSignatureLength() > MAX_DIMENSIONS:
        raise ValueError(f"tensor {index} has more than {MAX_DIMENSIONS} dimensions")
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    dimension = 0
    has_other_scales = False
    quantisation = table.Quantization()
    if quantisation is not None:
        scales = _numbers(quantisation.ScaleAsNumpy, quantisation.ScaleLength(), 4, budget)
        zero_points = _numbers(
            quantisation.ZeroPointAsNumpy, quantisation.ZeroPointLength(), 8, budget
        )
        dimension = int(quantisation.QuantizedDimension())
        # "custom" details are nobody's business, TFLite ignores them
        has_other_scales = (
            quantisation.DetailsType() > tflite.QuantizationDetails.CustomQuantization
        )
    return RawTensor(
        index=index,
        name=_text(table.Name()),
        type_name=_TENSOR_TYPES.get(table.Type(), f"type {table.Type()}"),
        shape=_integers(table.ShapeAsNumpy, table.ShapeLength(), budget),
        signature=_integers(table.ShapeSignatureAsNumpy, table.ShapeSignatureLength(), budget),
        scales=scales,
        zero_points=zero_points,
        quantised_dimension=dimension,
        has_other_scales=has_other_scales,
        is_sparse=table.Sparsity() is not None,
        is_variable=bool(table.IsVariable()),
        data=_buffer(model, table.Buffer(), budget),
    )


def _buffer(model: Any, number: int, budget: _Budget) -> bytes | None:
    """Contents of a buffer; None for the empty ones that activations have."""
    if number == 0:
        return None
    if number >= model.BuffersLength():
        raise ValueError(f"there is no buffer {number}")
    buffer = model.Buffers(number)
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise ValueError(f"buffer {number} lies outside the flatbuffer")
    if buffer.DataIsNone() or buffer.DataLength() == 0:
        return None
    budget.take(buffer.DataLength(), 1)
    return bytes(buffer.DataAsNumpy().tobytes())


def _builtin_code(code: Any) -> int:
    """Return the operator's number as TFLite takes it: the larger one of two fields.

    Files before schema 3a hold it in the deprecated byte only, others may leave that byte 0. The
    library's own ``BuiltinCode`` believes the byte: it takes a PAD of such a file for an ADD.
    """
    table = code._tab
    place = table.Offset(_BUILTIN_CODE_SLOT)
    number = table.Get(number_types.Int32Flags, table.Pos + place) if place else 0
    return max(int(number), int(code.DeprecatedBuiltinCode()))


def _operator(
    model: Any, table: Any, index: int, budget: _Budget, tables: OptionsTables
) -> RawOperator:
    if table.OpcodeIndex() >= model.OperatorCodesLength():
        raise ValueError(f"operator {index} has no operator code")
    code = model.OperatorCodes(table.OpcodeIndex())
    number = _builtin_code(code)
    name = _OPERATORS.get(number, f"operator code {number}")
    if name == "CUSTOM":
        name = f"CUSTOM {_text(code.CustomCode())!r}"
    options_type = _OPTION_TYPES.get(table.BuiltinOptionsType(), "unknown")
    options: dict[str, float] = {}
    raw_options = table.BuiltinOptions()
    wanted = tables.get(name)
    if raw_options is not None and wanted is not None and wanted.name == options_type:
        options_table = getattr(tflite, options_type)()
        options_table.Init(raw_options.Bytes, raw_options.Pos)
        for field in wanted.fields:
            options[field] = getattr(options_table, field)()
    return RawOperator(
        index=index,
        name=name,
        inputs=_integers(table.InputsAsNumpy, table.InputsLength(), budget),
        outputs=_integers(table.OutputsAsNumpy, table.OutputsLength(), budget),
        intermediates=_integers(table.IntermediatesAsNumpy, table.IntermediatesLength(), budget),
        options_type=options_type,
        options=options,
    )
