"""What TFLite's reference kernels answer: the oracle that every firmware is compared with."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from sw_templates.graph.tflite_normal import normalised, single_operators
from sw_templates.model import Model
from sw_templates.oracle.lone_layers import LoneInput
from sw_templates.tensor import Tensor

_MAX_REFUSAL_CHARS = 1000

Values = npt.NDArray[np.generic]
"""A tensor's contents in its own shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One inference of the reference kernels.

    Attributes:
        output: Bytes of the output tensors, one after the other.
        layer_crcs: CRC-32 of each layer's output in execution order, as ``check%`` prints them; of
            several outputs, one after the other.
    """

    output: bytes
    layer_crcs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One inference of the reference kernels with everything in between.

    Attributes:
        layers: The outputs of each layer, in execution order.
        output: Bytes of the output tensors, one after the other.
    """

    layers: tuple[tuple[Values, ...], ...]
    output: bytes

    @property
    def golden(self) -> Golden:
        """What a firmware is compared with."""
        crcs = tuple(zlib.crc32(_joined(outputs)) for outputs in self.layers)
        return Golden(output=self.output, layer_crcs=crcs)


def golden_inferences(path: Path, model: Model, inputs: Sequence[bytes]) -> tuple[Golden, ...]:
    """Return what a firmware must answer; see ``reference_inferences``."""
    return tuple(found.golden for found in reference_inferences(path, model, inputs))


def reference_inferences(path: Path, model: Model, inputs: Sequence[bytes]) -> Iterator[Inference]:
    """Run the reference kernels on the model file ``path``, imported before as ``model``.

    Args:
        path: The file; it must have passed :func:`sw_templates.tflite_import.load_model`, since
            the interpreter itself trusts what it reads.
        model: What the import returned.
        inputs: Bytes of all input tensors, one after the other.

    Yields:
        One inference after the other, so that few need be in memory.

    Raises:
        ConfigError: An input has not the size of the input tensors, or the interpreter refuses
            the model.
    """
    for number, content in enumerate(inputs):
        if len(content) != model.input_bytes:
            raise ConfigError(
                f"input {number} has {len(content)} bytes, {path} needs {model.input_bytes}",
                fix="give the bytes of all input tensors, one after the other",
            )
    interpreter = _interpreter(path, normalised(_content(path), str(path), model))
    for content in inputs:
        yield _run(interpreter, model, content)


def lone_references(path: Path, model: Model, inputs: Sequence[LoneInput]) -> Iterator[int]:
    """Run the reference kernels on single layers of a model file.

    Args:
        path: The file, which the import accepts.
        model: What the import returned.
        inputs: Which layer, and what it is given.

    Yields:
        The CRC-32 of the layer's outputs for each input.

    Raises:
        ConfigError: The interpreter refuses a layer by itself.
    """
    written = single_operators(_content(path), str(path), model)
    interpreters: dict[int, Any] = {}
    for each in inputs:
        layer = model.layers[each.position]
        if each.position not in interpreters:
            interpreters[each.position] = _interpreter(path, written(each.position))
        interpreter = interpreters[each.position]
        offset = 0
        for tensor, place in zip(layer.activations, interpreter.get_input_details(), strict=True):
            part = np.frombuffer(each.content, tensor.type.numpy_name, tensor.elements, offset)
            interpreter.set_tensor(place["index"], part.reshape(tensor.shape))
            offset += tensor.size_bytes
        interpreter.reset_all_variables()
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        yield zlib.crc32(_joined([interpreter.get_tensor(place["index"]) for place in outputs]))


def random_inputs(model: Model, *, count: int, seed: int) -> tuple[bytes, ...]:
    """Return uniformly random input tensors: the same for the same seed."""
    generator = np.random.default_rng(seed)
    size = model.input_bytes
    return tuple(
        generator.integers(-128, 128, size=size, dtype=np.int8).tobytes() for _ in range(count)
    )


def run_once(path: Path) -> None:
    """Let the reference kernels run a model file once, on noise.

    Equal numbers would not do: at 512 equal classes the kernel of SOFTMAX ends the process.

    The interpreter may end the process at a file that it should have refused: see
    ``runners/reference.py``, which alone calls this.

    Args:
        path: A file that the import has accepted.

    Raises:
        ConfigError: The interpreter refuses the file.
    """
    interpreter = _interpreter(path, normalised(_content(path), str(path)))
    generator = np.random.default_rng(0)
    try:
        for given in interpreter.get_input_details():
            noise = _noise(generator, given["shape"], np.dtype(given["dtype"]))
            interpreter.set_tensor(given["index"], noise)
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise _refused(path, error) from None


def _noise(
    generator: np.random.Generator, shape: Sequence[int], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return any numbers for an input; 0 for integers that may be positions."""
    if dtype.kind == "f":
        return generator.uniform(-1, 1, shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return np.zeros(shape, dtype)


def _interpreter(path: Path, content: bytes) -> Any:
    """Return the interpreter of ``content``, which was made of the file ``path``."""
    # Imported here: it takes a second, and generating firmware does not need it.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise _refused(path, error) from None
    return interpreter


def _refused(path: Path, error: Exception) -> ConfigError:
    return ConfigError(
        f"TFLite's reference kernels refuse {path}: {error}"[:_MAX_REFUSAL_CHARS],
        fix="convert the model again with full int8 quantisation",
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"model file {path} cannot be read: {error.strerror}",
            fix="check the path workload.model in the config",
        ) from None


def _run(interpreter: Any, model: Model, content: bytes) -> Inference:
    for tensor, part in model.input_parts(content):
        values: npt.NDArray[Any] = np.frombuffer(part, dtype=tensor.type.numpy_name)
        interpreter.set_tensor(tensor.index, values.reshape(tensor.shape))
    interpreter.reset_all_variables()  # each inference begins with an empty state
    interpreter.invoke()

    def contents(tensors: Sequence[Tensor]) -> tuple[Values, ...]:
        return tuple(interpreter.get_tensor(tensor.index) for tensor in tensors)

    return Inference(
        layers=tuple(contents(layer.outputs) for layer in model.layers),
        output=_joined(contents(model.outputs)),
    )


def _joined(tensors: Sequence[Values]) -> bytes:
    return b"".join(tensor.tobytes() for tensor in tensors)
