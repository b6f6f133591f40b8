"""What TFLite's reference kernels answer: the oracle that every firmware is compared with."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from sw_templates.model import Model
from sw_templates.tflite_normal import normalised

_MAX_REFUSAL_CHARS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One inference of the reference kernels.

    Attributes:
        output: Bytes of the output tensor.
        layer_crcs: CRC-32 of each layer's output in execution order, as ``check%`` prints them.
    """

    output: bytes
    layer_crcs: tuple[int, ...]


def golden_inferences(path: Path, model: Model, inputs: Sequence[bytes]) -> tuple[Golden, ...]:
    """Run the reference kernels on the model file ``path``, imported before as ``model``.

    Args:
        path: The file; it must have passed :func:`sw_templates.tflite_import.load_model`, since
            the interpreter itself trusts what it reads.
        model: What the import returned.
        inputs: Raw int8 input tensors.

    Raises:
        ConfigError: An input has not the size of the input tensor, or the interpreter refuses
            the model.
    """
    for number, content in enumerate(inputs):
        if len(content) != model.input.size_bytes:
            raise ConfigError(
                f"input {number} has {len(content)} bytes, {path} needs {model.input.size_bytes}",
                fix="give raw int8 tensors of the model's input shape",
            )
    interpreter = _interpreter(path)
    return tuple(_run(interpreter, model, content) for content in inputs)


def random_inputs(model: Model, *, count: int, seed: int) -> tuple[bytes, ...]:
    """Return uniformly random input tensors: the same for the same seed."""
    generator = np.random.default_rng(seed)
    size = model.input.size_bytes
    return tuple(
        generator.integers(-128, 128, size=size, dtype=np.int8).tobytes() for _ in range(count)
    )


def run_once(path: Path) -> None:
    """Let the reference kernels run a model file once, on zeros.

    The interpreter may end the process at a file that it should have refused: see
    ``runners/reference.py``, which alone calls this.

    Args:
        path: A file that the import has accepted.

    Raises:
        ConfigError: The interpreter refuses the file.
    """
    interpreter = _interpreter(path)
    try:
        for given in interpreter.get_input_details():
            interpreter.set_tensor(given["index"], np.zeros(given["shape"], given["dtype"]))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise _refused(path, error) from None


def _interpreter(path: Path) -> Any:
    # Imported here: it takes a second, and generating firmware does not need it.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_content=_normalised_file(path),
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


def _normalised_file(path: Path) -> bytes:
    try:
        return normalised(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(
            f"model file {path} cannot be read: {error.strerror}",
            fix="check the path workload.model in the config",
        ) from None


def _run(interpreter: Any, model: Model, content: bytes) -> Golden:
    values: npt.NDArray[np.int8] = np.frombuffer(content, dtype=np.int8)
    interpreter.set_tensor(model.input.index, values.reshape(model.input.shape))
    interpreter.invoke()
    outputs = [interpreter.get_tensor(layer.output.index) for layer in model.layers]
    return Golden(
        output=interpreter.get_tensor(model.output.index).tobytes(),
        layer_crcs=tuple(zlib.crc32(output.tobytes()) for output in outputs),
    )
