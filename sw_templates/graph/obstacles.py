"""Why a model is not supported: all the reasons at once, each with its number and what helps."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from contracts.faults import ConfigError
from sw_templates.graph.graph_folding import FOLDED
from sw_templates.graph.host_steps import HostFunction
from sw_templates.tflite_file import RawModel, RawOperator

FLOAT_TYPES = ("FLOAT32", "FLOAT16", "FLOAT64", "BFLOAT16")
_MAX_PLACES = 8


class ObstacleKind(StrEnum):
    """What an obstacle counts."""

    OPERATOR = "operator"
    """Uses of an operator that is not supported."""
    FLOAT = "float"
    """Tensors of a type that is not an integer, where numbers are computed."""
    DYNAMIC_SHAPE = "dynamic-shape"
    """Tensors with a size that is known only when the network runs."""
    SUBGRAPHS = "subgraphs"
    """Graphs beside the first one: control flow, or further signatures."""
    LAYER = "layer"
    """Uses of a supported operator in a way that is not."""
    FILE = "file"
    """A file that holds no model, or a model as a whole."""
    REFERENCE = "reference"
    """TFLite's reference interpreter does not run the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One reason why a model is not supported.

    Attributes:
        kind: What it counts.
        name: Of the operator or type, or what is wrong.
        count: How many there are.
        operators: Numbers of the operators where it was met; empty if it is nothing of operators.
        reason: What is wrong, for a layer; empty where the name says it.
        fix: What helps.
    """

    kind: ObstacleKind
    name: str
    count: int = 1
    operators: tuple[int, ...] = ()
    reason: str = ""
    fix: str

    @property
    def title(self) -> str:
        """Number and name, short enough for a table."""
        match self.kind:
            case ObstacleKind.FLOAT | ObstacleKind.DYNAMIC_SHAPE:
                return f"{self.count} {self.name} tensor{'s' if self.count > 1 else ''}"
            case ObstacleKind.OPERATOR | ObstacleKind.LAYER:
                return f"{self.count} x {self.name}" if self.count > 1 else self.name
            case ObstacleKind.SUBGRAPHS:
                return f"{self.count} further subgraph{'s' if self.count > 1 else ''}"
            case ObstacleKind.FILE | ObstacleKind.REFERENCE:
                return self.name
            case _ as never:
                assert_never(never)

    def __str__(self) -> str:
        """Return the line of it in an error."""
        helps = f"{self.reason}; {self.fix}" if self.reason else self.fix
        if not self.operators:
            return f"{self.title}: {helps}"
        places = ", ".join(map(str, self.operators[:_MAX_PLACES]))
        more = len(self.operators) - _MAX_PLACES
        where = f"operator{'s' if len(self.operators) > 1 else ''} {places}"
        return f"{self.title} ({where}{f' and {more} more' if more > 0 else ''}): {helps}"


class UnsupportedModel(ConfigError):
    """A model file that was read, and holds what the firmware cannot run.

    Args:
        what: See ``DseError``.
        fix: See ``DseError``.
        detail: See ``DseError``.
        obstacles: Every reason, that with the most uses first.
    """

    def __init__(
        self, what: str, fix: str, detail: str = "", obstacles: tuple[Obstacle, ...] = ()
    ) -> None:
        super().__init__(what, fix, detail)
        self.obstacles = obstacles


def obstacles_of(error: ConfigError) -> tuple[Obstacle, ...]:
    """Return the reasons in an error of the import; one for an error that lists none."""
    if isinstance(error, UnsupportedModel) and error.obstacles:
        return error.obstacles
    return (Obstacle(kind=ObstacleKind.FILE, name=error.what, fix=error.fix),)


def require_no_obstacles(
    raw: RawModel,
    source: str,
    *,
    known: Sequence[str],
    edges: Collection[str],
    by_host: Mapping[str, HostFunction],
    refusals: Mapping[int, ConfigError],
) -> None:
    """Raise the error that names all that keeps a model from being supported, if there is any.

    Args:
        raw: The model as its file states it.
        source: The file, for errors.
        known: TFLite's names of the operators that are supported.
        edges: Those of them that lead from float32 to integers.
        by_host: Name to what the host does of an operator on float32.
        refusals: Number of each of those operators that is used in an unsupported way, and why.

    Raises:
        UnsupportedModel: With every reason; for one use of one operator its own error's words.
    """
    by_index = {operator.index: operator for operator in raw.operators}
    at_edges = FloatEdges(raw, edges, by_host)
    refused = [by_index[number] for number in refusals]
    unknown = [operator for operator in raw.operators if operator.name not in known]
    edge_obstacles = at_edges.obstacles([*unknown, *refused])
    unknown = [operator for operator in unknown if operator.index not in at_edges.explained]
    refusals = {n: error for n, error in refusals.items() if n not in at_edges.explained}
    failing = [*unknown, *(by_index[number] for number in refusals)]
    obstacles = [
        *edge_obstacles,
        *_unknown_operators(unknown),
        *_floats(raw, failing, edges),
        *_dynamic(raw, failing),
    ]
    explained = {number for found in obstacles for number in found.operators}
    own = {number: error for number, error in refusals.items() if number not in explained}
    obstacles += _refused_layers(raw, own)
    if raw.subgraphs > 1:
        obstacles.append(
            Obstacle(
                kind=ObstacleKind.SUBGRAPHS,
                name="subgraphs",
                count=raw.subgraphs - 1,
                fix="convert without control flow and with one signature",
            )
        )
    if not obstacles:
        return
    obstacles.sort(key=lambda found: -found.count)
    if len(refusals) == len(obstacles) == 1 and not unknown:
        (error,) = refusals.values()
        raise UnsupportedModel(error.what, obstacles[0].fix, error.detail, tuple(obstacles))
    reasons = "one reason" if len(obstacles) == 1 else f"{len(obstacles)} reasons"
    lines = "".join(f"\n  - {obstacle}" for obstacle in obstacles)
    raise UnsupportedModel(
        f"{source} is not supported, for {reasons}:{lines}",
        f"each reason says what helps; supported operators are {', '.join(sorted(known))}",
        obstacles=tuple(obstacles),
    )


def _unknown_operators(operators: Iterable[RawOperator]) -> list[Obstacle]:
    uses: dict[str, list[int]] = {}
    for operator in operators:
        uses.setdefault(operator.name, []).append(operator.index)
    return [
        Obstacle(
            kind=ObstacleKind.OPERATOR,
            name=name,
            count=len(numbers),
            operators=tuple(numbers),
            fix=operator_fix(name),
        )
        for name, numbers in uses.items()
    ]


class FloatEdges:
    """The operators in float32 between inputs and QUANTIZE, and between DEQUANTIZE and outputs.

    Args:
        raw: The model, without what the host does.
        quantisers: Names of the operators that lead from float32 to integers.
        by_host: Name to what the host does of an operator on float32.

    Attributes:
        explained: Numbers of the operators that ``obstacles`` has said all about.
    """

    def __init__(
        self, raw: RawModel, quantisers: Collection[str], by_host: Mapping[str, HostFunction]
    ) -> None:
        self._raw = raw
        self._behind_names = sorted(by_host)
        self._before_names = sorted(name for name, each in by_host.items() if each.is_before)
        self._quantisers = quantisers
        self.explained: set[int] = set()
        was_integer: set[int] = set()
        """Tensors behind a DEQUANTIZE."""
        self._behind, self._before = set[int](), set[int]()
        for operator in raw.operators:
            if operator.name == _FROM_INTEGERS or was_integer.intersection(operator.inputs):
                was_integer.update(operator.outputs)
                self._behind.add(operator.index)
        becomes_integer: set[int] = set()
        for operator in reversed(raw.operators):
            if operator.name in quantisers or becomes_integer.intersection(operator.outputs):
                becomes_integer.update(operator.inputs)
                self._before.add(operator.index)
        self._before, self._behind = self._before - self._behind, self._behind - self._before

    def obstacles(self, failing: Sequence[RawOperator]) -> list[Obstacle]:
        """Return an obstacle for each operator at the edges that the host cannot do."""
        places = (
            ("before the first QUANTIZE", self._before, self._before_names),
            ("behind the last DEQUANTIZE", self._behind, self._behind_names),
        )
        found: list[Obstacle] = []
        for where, numbers, names in places:
            here = [operator for operator in failing if operator.index in numbers]
            bridges = {
                operator.index
                for operator in here
                if operator.name in (_FROM_INTEGERS, *self._quantisers)
            }
            uses: dict[str, list[int]] = {}
            for operator in here:
                if operator.index not in bridges and self._is_float(operator):
                    uses.setdefault(operator.name, []).append(operator.index)
            for name, indexes in uses.items():
                found.append(_edge_obstacle(name, indexes, where, names))
                self.explained.update(indexes)
            if uses:
                self.explained |= bridges
        return found

    def _is_float(self, operator: RawOperator) -> bool:
        tensors = self._raw.tensors
        return any(tensors[n].type_name in FLOAT_TYPES for n in _tensors_of(self._raw, operator))


def _edge_obstacle(
    name: str, numbers: Sequence[int], where: str, by_host: Sequence[str]
) -> Obstacle:
    if name in by_host:
        fix = (
            "the host does it where all its inputs but one are constants and nothing else reads"
            " what it is given; or quantise it, too"
        )
    else:
        fix = (
            "cut the model there and do it in your own program, or quantise it, too; the host"
            f" itself does {', '.join(by_host)}"
        )
    return Obstacle(
        kind=ObstacleKind.LAYER,
        name=name,
        count=len(numbers),
        operators=tuple(numbers),
        reason=f"computes in float32 {where}",
        fix=fix,
    )


_STATE = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")
_CONTROL_FLOW = ("IF", "WHILE", "CALL", "STABLEHLO_WHILE", "STABLEHLO_CASE")
_FROM_INTEGERS = "DEQUANTIZE"
_POST_PROCESSING = "TFLite_Detection_PostProcess"


def operator_fix(name: str) -> str:
    """Return what helps where an operator is not supported.

    Args:
        name: TFLite's, with the code behind it for ``CUSTOM``.
    """
    if name.startswith("CUSTOM 'Flex"):
        return (
            "an operator of TensorFlow itself: convert without SELECT_TF_OPS, and replace it in"
            " the model by what TFLite has"
        )
    if _POST_PROCESSING in name:
        return "convert the network without its post-processing, which belongs to the host"
    if name.startswith("CUSTOM"):
        return (
            "a custom operator, of which TFLite has no reference kernel to compare with: replace"
            " it in the model by operators that TFLite has"
        )
    if name == _FROM_INTEGERS:
        return (
            "the graph goes to float in its middle, while only its inputs and outputs may be"
            " float32: convert the operators in between with full-integer quantisation too"
        )
    if name in _CONTROL_FLOW:
        return "convert without control flow: unroll loops, take one branch"
    if name in _STATE:
        return "convert without variables: make the state an input and an output"
    if name in FOLDED:
        return (
            "where it computes a shape: convert with a fixed batch size of 1; else replace it in"
            " the model, or add it (docs/how-to/add-an-operator.md)"
        )
    if name.startswith("operator code"):
        return "convert with a version of TFLite that the installed runtime knows"
    return "replace it in the model, or add it (docs/how-to/add-an-operator.md)"


def _floats(
    raw: RawModel, failing: Iterable[RawOperator], edges: Collection[str]
) -> list[Obstacle]:
    """Return an obstacle for each float type that operators compute in."""
    tensors: dict[str, set[int]] = {}
    places: dict[str, set[int]] = {}
    is_hybrid = False
    for operator in failing:
        if operator.name in (_FROM_INTEGERS, *edges):
            continue  # where float begins or ends; they are named themselves
        touched = _tensors_of(raw, operator)
        floats = [number for number in touched if raw.tensors[number].type_name in FLOAT_TYPES]
        for number in floats:
            tensors.setdefault(raw.tensors[number].type_name, set()).add(number)
            places.setdefault(raw.tensors[number].type_name, set()).add(operator.index)
        is_hybrid |= bool(floats) and any(
            raw.tensors[number].type_name in ("INT8", "INT4") and raw.tensors[number].scales
            for number in touched
        )
    fix = (
        "convert with post-training full-integer quantisation and a representative dataset"
        " (optimizations, representative_dataset, TFLITE_BUILTINS_INT8)"
    )
    if is_hybrid:
        fix += "; int8 weights alone (dynamic range) leave the arithmetic in float"
    return [
        Obstacle(
            kind=ObstacleKind.FLOAT,
            name=type_name,
            count=len(numbers),
            operators=tuple(sorted(places[type_name])),
            fix=fix,
        )
        for type_name, numbers in tensors.items()
    ]


def _dynamic(raw: RawModel, failing: Iterable[RawOperator]) -> list[Obstacle]:
    found: set[int] = set()
    places: set[int] = set()
    for operator in failing:
        for number in _tensors_of(raw, operator):
            if -1 in raw.tensors[number].signature[1:]:
                found.add(number)
                places.add(operator.index)
    if not found:
        return []
    return [
        Obstacle(
            kind=ObstacleKind.DYNAMIC_SHAPE,
            name="dynamic-shape",
            count=len(found),
            operators=tuple(sorted(places)),
            fix="convert with every size of the input fixed",
        )
    ]


def _tensors_of(raw: RawModel, operator: RawOperator) -> list[int]:
    used = (*operator.inputs, *operator.outputs)
    return [number for number in used if 0 <= number < len(raw.tensors)]


def _refused_layers(raw: RawModel, refusals: Mapping[int, ConfigError]) -> list[Obstacle]:
    """Return one obstacle for each operator and reason."""
    names = {operator.index: operator.name for operator in raw.operators}
    groups: dict[tuple[str, str, str], list[int]] = {}
    for number, error in refusals.items():
        (found, *_) = obstacles_of(error)
        reason = found.reason or found.name
        groups.setdefault((names[number], reason, found.fix), []).append(number)
    return [
        Obstacle(
            kind=ObstacleKind.LAYER,
            name=name,
            count=len(numbers),
            operators=tuple(numbers),
            reason=reason,
            fix=fix,
        )
        for (name, reason, fix), numbers in groups.items()
    ]
